// The code view: the program as text, coloured by a small tokeniser. The text goes into text nodes only.

const ICONS = {
  copy: "M5.5 5.5h8v8h-8z|M10.5 5.5v-3h-8v8h3",
  done: "M3 8.5l3.2 3.2L13 4.8",
  download: "M8 2.5v8|M4.8 7.5 8 10.7l3.2-3.2|M2.5 13.5h11",
};
const TOKENS = /("""[\s\S]*?"""|'''[\s\S]*?''')|(#[^\n]*)|([rbfu]{0,2}"(?:\\.|[^"\\\n])*"|[rbfu]{0,2}'(?:\\.|[^'\\\n])*')|(\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)|([A-Za-z_]\w*)/gi;

function coloured(code, keywords) {
  const words = new Set(keywords);
  const parts = [];
  let last = 0;
  const put = (kind, text) => parts.push(kind ? h("span", { class: kind }, text) : text);
  for (const match of code.matchAll(TOKENS)) {
    if (match.index > last) put(null, code.slice(last, match.index));
    const [text, long, comment, string, number, word] = match;
    last = match.index + text.length;
    if (long || string) put("string", text);
    else if (comment) put("comment", text);
    else if (number) put("number", text);
    else if (words.has(word)) put("keyword", text);
    else if (code[last] === "(") put("call", text);
    else put(null, text);
  }
  if (last < code.length) put(null, code.slice(last));
  return parts;
}

export function render({ model, el }) {
  let copied = false;
  let kept = { code: null, parts: [] };

  async function put(text) {
    copied = await copy(text);
    view.redraw();
    setTimeout(() => {
      copied = false;
      view.redraw();
    }, 2000);
  }

  function onCopy() {
    const { code, long } = view.state();
    if (long) model.send_msg({ type: "copy" }); // the page holds only its beginning
    else put(code);
  }

  function draw(state) {
    if (state.code === undefined) return null;
    if (state.code === null)
      return h("div", { class: "cs-root cs-view", key: "none" }, h("div", { class: "cs-empty", style: "height: 70%" }, h("p", {}, state.reason ?? state.problems[0] ?? "")));
    if (kept.code !== state.code) kept = { code: state.code, parts: coloured(state.code, state.keywords) };
    return h(
      "div",
      { class: "cs-root page", key: "code" },
      h(
        "div",
        { class: "tools" },
        h("h2", { class: "cs-title cs-grow cs-ellipsis", style: "margin: 0" }, state.name),
        state.languages.length > 1 &&
          h(
            "select",
            { class: "cs-field cs-select", style: "width: auto", "aria-label": "Language", value: state.language, onchange: (event) => model.send_msg({ type: "language", name: event.target.value }) },
            state.languages.map((one) => h("option", { value: one.name }, one.label)),
          ),
        h(
          "button",
          { type: "button", class: "cs-button", "aria-label": "Copy code", onclick: onCopy },
          icon(copied ? ICONS.done : ICONS.copy),
          copied ? "Copied" : "Copy",
        ),
        h("button", { type: "button", class: "cs-button", "aria-label": `Download ${state.name}`, onclick: () => model.send_msg({ type: "download" }) }, icon(ICONS.download), "Download"),
        h("span", { class: "cs-hidden-text", role: "status" }, copied ? "Copied to the clipboard" : ""),
      ),
      h("pre", { tabindex: "0", role: "region", "aria-label": `${state.languages.find((one) => one.name === state.language).label} code` }, h("code", {}, kept.parts, state.long && h("span", { class: "comment" }, "\n\n# … the rest is in the copy and in the download"))),
    );
  }

  const view = live(model, el, draw, { copy: ({ text }) => put(text) });
}
