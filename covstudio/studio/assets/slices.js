// The dock: V and the derivative of V in every free parameter. The pictures are canvases that the bus paints; only
// those in sight are computed.

const LABEL = 46; // height of the two lines under a picture, and the gaps
const COMPACT = 140; // below this height only the lines are shown

export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "cs-root dock";
  el.append(root);
  const canvases = new Map(); // canvas -> how to leave the bus
  let values = {};

  // A new state brings all values: what a drag said in between is old by then. (Before `live`, which draws it.)
  model.on("state", () => (values = {}));
  live(model, root, draw, {
    values: ({ values: changed }) => {
      Object.assign(values, changed);
      for (const [path, value] of Object.entries(changed)) {
        const node = root.querySelector(`[data-path="${CSS.escape(path)}"]`);
        if (node) node.textContent = short(value);
      }
    },
  });
  model.on("state", sweep);

  new ResizeObserver(() => {
    const height = root.clientHeight;
    root.classList.toggle("compact", height > 0 && height < COMPACT);
    root.style.setProperty("--tile", `${Math.max(40, Math.min(250, height - LABEL - 20))}px`);
  }).observe(root);

  // A wheel that turns one way scrolls a row that lies the other way.
  root.addEventListener(
    "wheel",
    (event) => {
      const strip = root.querySelector(".strip");
      if (!strip || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
      if (strip.scrollWidth <= strip.clientWidth) return;
      event.preventDefault();
      strip.scrollLeft += event.deltaY;
    },
    { passive: false },
  );

  function attach(canvas, key) {
    if (canvas.__key_shown === key && canvases.has(canvas)) return;
    canvases.get(canvas)?.();
    canvas.__key_shown = key;
    canvases.set(canvas, () => {});
    (window.covstudioQueue ??= []).push((bus) => {
      if (canvases.has(canvas) && canvas.__key_shown === key) canvases.set(canvas, bus.register(key, canvas));
    });
  }

  function sweep() {
    for (const [canvas, forget] of canvases)
      if (!root.contains(canvas)) {
        forget();
        canvases.delete(canvas);
      }
  }

  function show(key, node) {
    model.send_msg({ type: "focus", key });
    if (node) model.send_msg({ type: "select", node });
  }

  function walk(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const all = [...root.querySelectorAll("button.name")];
    const at = all.indexOf(event.currentTarget);
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : step ? at + step : -1;
    if (to < 0 || to >= all.length) return;
    event.preventDefault();
    all[to].focus();
    all[to].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function tile({ key, path, title, label, owner, value, node, fault }, state) {
    const shown = state.focus === key;
    return h(
      "div",
      { class: `tile${shown ? " shown" : ""}`, key, role: "listitem" },
      h("canvas", {
        class: "picture",
        role: "img",
        "aria-label": `Heatmap of ${label}`,
        "data-tile": key,
        onclick: () => show(key, node),
        ref: (canvas) => attach(canvas, key),
      }),
      h(
        "button",
        {
          type: "button",
          class: "name cs-focusable",
          "aria-pressed": String(shown),
          "aria-label": `Show ${label} large`,
          title: fault || undefined,
          onclick: () => show(key, node),
          onkeydown: walk,
        },
        h(
          "span",
          { class: "line" },
          h("span", { class: "cs-math symbol" }, title),
          fault
            ? h("span", { class: "fault" }, "not finite")
            : path
              ? h("span", { class: "value", "data-path": path }, short(values[path] ?? value))
              : h("span", { class: "value" }, value),
        ),
        h("span", { class: "owner cs-ellipsis" }, owner),
      ),
    );
  }

  function draw(state) {
    if (!state.v) return empty(state);
    const slices = state.slices.map((slice) =>
      tile(
        state.derivatives === "theta"
          ? { ...slice, title: "∂V/∂θ", label: `∂V/∂θ, ${slice.symbol} of ${slice.owner}`, owner: `${slice.symbol} of ${slice.owner}` }
          : { ...slice, title: `∂V/∂${slice.symbol}`, label: `∂V/∂${slice.symbol} of ${slice.owner}` },
        state,
      ),
    );
    return h(
      "div",
      { class: "strip", role: "list", "aria-label": "V and its derivatives", key: "strip" },
      tile({ key: "V", title: "V", label: "V", owner: "covariance of the data", value: state.v.shape }, state),
      slices.length > 0 && by(state),
      slices.length
        ? slices
        : h(
            "p",
            { class: "none", key: "none" },
            "No free parameter: V is constant. Free a parameter, and the change it makes in V is shown here.",
          ),
    );
  }

  /** What V is differentiated by: theta, as the library's grad() does, or the values that the sliders show. */
  function by(state) {
    const choice = (name, text, title) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(state.derivatives === name), title, onclick: () => model.send_msg({ type: "derivatives", by: name }) },
        text,
      );
    return h(
      "div",
      { class: "by", key: "by", role: "group", "aria-label": "Differentiate by" },
      choice("theta", "by θ", "Derivatives in theta, the unconstrained parameters: what grad() gives"),
      choice("natural", "natural", "Derivatives in the natural values: the change of V per unit of what the slider shows"),
    );
  }

  function empty(state) {
    return h(
      "div",
      { class: "empty", key: "empty" },
      sketch(),
      h(
        "div",
        {},
        h("h3", {}, "V and what each parameter does to it"),
        h(
          "p",
          {},
          state.waiting ||
            "Connect a matrix to V. It is drawn here as a heatmap, and beside it one picture for every parameter: " +
              "where V changes, and how fast, when that parameter does.",
        ),
      ),
    );
  }

  return () => {
    for (const forget of canvases.values()) forget();
  };
}

/** Two small pictures of what will stand here: a matrix, and one parameter's part of it. */
function sketch() {
  const cells = (part) => {
    const out = [];
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) {
        const block = Math.floor(i / 2) === Math.floor(j / 2);
        const strength = part ? (block ? 0.45 : 0) : i === j ? 0.9 : block ? 0.45 : 0.12;
        if (strength)
          out.push(h("rect", { x: 1 + 8 * j, y: 1 + 8 * i, width: 7, height: 7, rx: 1, opacity: strength, fill: "currentColor" }));
      }
    return h("svg", { viewBox: "0 0 50 50", width: 50, height: 50, "aria-hidden": "true" }, out);
  };
  return h("div", { class: "sketch" }, cells(false), cells(true));
}
