// The help: how the work goes, and the keys.

const apple = /Mac|iPhone|iPad/.test(navigator.platform);
const MOD = apple ? "⌘" : "Ctrl";

/** What is listed of the keys; `count` is the number of tabs. */
const shortcuts = (count) => [
  ["Undo", [MOD, "Z"]],
  ["Redo", [MOD, "Shift", "Z"]],
  ["Save the model", [MOD, "S"]],
  ["Open a model", [MOD, "O"]],
  ["Search the palette", ["/"]],
  ["Add the chosen structure", ["Enter"]],
  ["Remove what is selected", ["Delete"]],
  ["Rename a node", ["F2"]],
  ["Wire a node into…", ["W"]],
  ["Duplicate", [MOD, "D"]],
  ["Show the whole model", ["Shift", "1"]],
  ["Tidy up the canvas", ["Shift", "2"]],
  ["Slider: one step", ["←", "→"]],
  ["Slider: ten steps", ["Shift", "←", "→"]],
  ["Slider: to either end", ["Home", "End"]],
  ["Details tabs", ["Alt", `1 … ${Math.min(count, 9)}`]],
  ["This help", ["?"]],
];

/** The dialog; `open` shows it, `closed` is called when the person has closed it. Steps and tabs are the registered ones. */
function helpDialog(open, { steps, tabs }, closed) {
  return h(
    "dialog",
    {
      key: "help",
      "aria-label": "Help and shortcuts",
      ref: (node) => open && !node.open && node.showModal(),
      onclose: closed,
      onclick: (event) => event.target.tagName === "DIALOG" && event.target.close(),
    },
    h(
      "div",
      { class: "help" },
      h(
        "div",
        { class: "cs-row" },
        h("h2", { class: "cs-grow" }, "From a field trial to variance components"),
        h("button", { type: "button", class: "cs-icon-button", "aria-label": "Close", onclick: (event) => event.target.closest("dialog").close() }, icon(ICONS.close)),
      ),
      h(
        "ol",
        {},
        steps.map((step) => h("li", {}, step)),
      ),
      h("h3", {}, "Keyboard"),
      h(
        "dl",
        { class: "keys" },
        shortcuts(tabs.length).map(([what, keys]) =>
          h("div", {}, h("dt", {}, what), h("dd", {}, keys.map((key, i) => [i ? " " : null, h("kbd", { class: "cs-kbd" }, key)]))),
        ),
      ),
    ),
  );
}
