// What stands above the large plot: which matrix it is, what can be said of it in a line, and how it is read.

const MODES = { correlation: "Correlation", log: "Log" };
const WHY = {
  derivative: "A derivative has no correlations",
  other: "Correlations need a square matrix with a positive diagonal",
};

/** Bokeh hangs its tooltips on the body, outside every component: only a style of the page reaches them. */
function dress() {
  if (document.getElementById("cs-plot-tooltip")) return;
  const style = document.createElement("style");
  style.id = "cs-plot-tooltip";
  style.textContent = `.bk-Tooltip {
    --tooltip-color: var(--cs-raised); --tooltip-text: var(--cs-text); --tooltip-border: var(--cs-border);
    --tooltip-arrow-color: var(--cs-border); --tooltip-arrow-inner-color: var(--cs-raised);
    padding: 6px 9px; border-radius: 6px; opacity: 1; box-shadow: var(--cs-shadow); pointer-events: none;
  }`;
  document.head.append(style);
}

export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "cs-root head";
  el.append(root);
  live(model, root, draw);

  // While nobody sees the plot, nothing is computed for it.
  let seen = null;
  let told = null;
  const tell = () => {
    if (seen === told) return;
    try {
      model.send_msg({ type: "visible", visible: seen });
      told = seen;
    } catch {
      setTimeout(tell, 50); // the document does not know this component yet
    }
  };
  const watch = new IntersectionObserver((changes) => {
    seen = changes[changes.length - 1].isIntersecting;
    tell();
  });
  watch.observe(root);
  dress();

  function choose(event, modes) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...root.querySelectorAll('[role="radio"]:not(:disabled)')];
    const at = buttons.indexOf(event.currentTarget);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    next.click();
  }

  function draw(state) {
    const titles = { value: state.first, ...MODES };
    return [
      h(
        "div",
        { class: "top", key: "top" },
        h("h2", { class: "cs-title cs-ellipsis" }, h("span", { class: state.formula ? "cs-math" : "" }, state.title)),
        state.shape ? h("span", { class: "shape" }, state.shape) : null,
        h("span", { class: "about cs-ellipsis" }, state.about),
      ),
      state.problem
        ? h(
            "p",
            {
              class: `cs-notice${state.problem.severity === "error" ? " cs-notice--problem" : ""}`,
              role: "status",
              key: "problem",
            },
            state.problem.text,
          )
        : h(
            "div",
            { class: "under", key: "under" },
            h(
              "div",
              { class: "modes", role: "radiogroup", "aria-label": "Show as" },
              Object.entries(titles).map(([mode, title]) => {
                const able = state.modes.includes(mode);
                return h(
                  "button",
                  {
                    type: "button",
                    role: "radio",
                    key: mode,
                    class: "cs-focusable",
                    "aria-checked": String(state.mode === mode),
                    tabindex: state.mode === mode ? "0" : "-1",
                    disabled: !able,
                    title: able ? undefined : state.derivative ? WHY.derivative : WHY.other,
                    onclick: () => model.send_msg({ type: "mode", mode }),
                    onkeydown: choose,
                  },
                  title,
                );
              }),
            ),
            h(
              "dl",
              { class: "facts" },
              state.facts.map(([name, text]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, text))),
            ),
          ),
    ];
  }

  return () => watch.disconnect();
}
