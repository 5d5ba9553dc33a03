// Quantities that a person derives from the parameters: an expression with names to click on, and its value as it is written.

const NAMES = 16;

function derivedQuantities(send, redraw) {
  let text = "";
  let submitted = null;
  let field = null;
  const tell = debounce(() => send("try", { text }), 200);

  function write(value) {
    text = value;
    submitted = null;
    tell();
    redraw();
  }

  function add() {
    tell.cancel();
    submitted = text.trim();
    if (submitted) send("derive", { text: submitted });
  }

  function insert(name) {
    const at = field.selectionStart ?? text.length;
    const before = text.slice(0, at);
    const after = text.slice(field.selectionEnd ?? at);
    const gap = before && !/[\s(]$/.test(before) ? " " : "";
    write(`${before}${gap}${name}${after}`);
    field.focus();
    const end = before.length + gap.length + name.length;
    field.setSelectionRange(end, end);
  }

  /** The names that go on from the word before the caret, all of them where there is no such word. */
  function offered(names) {
    const word = /[^\s()+*=,]*$/.exec(text)[0].toLowerCase();
    const fit = word ? names.filter((name) => name.toLowerCase().includes(word)) : [];
    return fit.length ? fit : names;
  }

  function example(names) {
    if (names.length < 2) return names.length ? `sqrt(${names[0]})` : "";
    const last = names.at(-1);
    return `h2 = ${names[0]} / (${names[0]} + ${last})`;
  }

  function value(row) {
    const parts = [short(row.estimate, 4)];
    if (numeric(row.error) !== null) parts.push(`SE ${digits(row.error)}, 95 % interval ${interval(row.lower, row.upper)}`);
    return `= ${parts.join(", ")}`;
  }

  function listed(rows) {
    return h(
      "div",
      { class: "wide-table", role: "group", "aria-label": "Derived quantities table", tabindex: "0" },
      h(
        "table",
        { class: "cs-table" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Quantity"), ["Estimate", "SE", "95 % interval"].map((name) => h("th", { scope: "col", class: "cs-number" }, name)), h("th", {}, h("span", { class: "cs-hidden-text" }, "Remove")))),
        h(
          "tbody",
          {},
          rows.map((row) =>
            h(
              "tr",
              { key: row.text },
              h("td", { title: row.text }, row.name, row.note && h("div", { class: "cs-note" }, row.note)),
              row.trouble
                ? h("td", { colspan: "3" }, h("span", { class: "cs-error" }, row.trouble))
                : [row.estimate, row.error].map((number) => cell(numeric(number), "estimate")).concat(cell(interval(numeric(row.lower), numeric(row.upper)), "interval")),
              h("td", {}, h("button", { type: "button", class: "cs-icon-button", "aria-label": `Remove ${row.name}`, onclick: () => send("underive", { text: row.text }) }, icon(ICONS.remove))),
            ),
          ),
        ),
      ),
    );
  }

  function draw(state, names) {
    if (submitted !== null && state.rows.some((row) => row.text === submitted)) {
      text = "";
      submitted = null;
    }
    const tried = text.trim() && state.tried && state.draft === text.trim() ? state.tried : null;
    const some = offered(names);
    return h(
      "section",
      { class: "section", "aria-label": TITLES.derived, key: "derived" },
      h("div", { class: "section-head" }, h("h3", {}, TITLES.derived), state.rows.length > 0 && csvButton(send, "derived")),
      state.rows.length > 0 && listed(state.rows),
      h(
        "div",
        { class: "derive" },
        h("input", {
          class: "cs-field formula-field cs-grow",
          "aria-label": "New quantity",
          "aria-describedby": "derive-note",
          "aria-invalid": tried?.trouble && state.refused ? "true" : undefined,
          placeholder: example(names),
          spellcheck: "false",
          autocomplete: "off",
          value: text,
          ref: (node) => {
            field = node;
          },
          oninput: (event) => write(event.target.value),
          onkeydown: (event) => {
            if (event.key === "Enter") add();
            else if (event.key === "Escape") write("");
            else return;
            event.preventDefault();
            event.stopPropagation();
          },
        }),
        h("button", { type: "button", class: "cs-button", disabled: !text.trim(), onclick: add }, "Add"),
      ),
      h(
        "div",
        { id: "derive-note", "aria-live": "polite" },
        tried?.trouble
          ? h("div", state.refused ? { class: "cs-error", role: "alert" } : { class: "cs-note" }, state.refused ? tried.trouble : `${tried.trouble.split(". ")[0].replace(/\.$/, "")}.`)
          : tried
            ? h("div", { class: "cs-note derived-value" }, value(tried), tried.note && ` ${tried.note}`)
            : state.rows.length === 0 && h("div", { class: "cs-note" }, "A function of the parameters, such as a heritability or a ratio; a name before = is optional."),
      ),
      h(
        "div",
        { class: "names", role: "group", "aria-label": "Parameters to insert" },
        some.slice(0, NAMES).map((name) => h("button", { type: "button", class: "name", key: name, "aria-label": `Insert ${name}`, onmousedown: (event) => event.preventDefault(), onclick: () => insert(name) }, name)),
        some.length > NAMES && h("span", { class: "cs-note" }, `and ${some.length - NAMES} more: type a part of the name`),
      ),
    );
  }

  return { draw };
}
