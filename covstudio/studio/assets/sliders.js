// One parameter of the inspector: a slider, a number field, fixed or free, reset. A slider that is dragged speaks to the live
// evaluation through the bus (painter.js). What the person is doing right now wins over what arrives: a value under the finger is
// not overwritten, nor is one that was let go a moment ago by older values that are still on their way here.

const STEPS = 1000;
const SHOWN = 40;
const PARAMETER_ICONS = {
  free: "M4.5 7V5a3 3 0 0 1 5.8-1|M3.5 7h9v6h-9z",
  fixed: "M5 7V5a3 3 0 0 1 6 0v2|M3.5 7h9v6h-9z",
  reset: "M3.2 6A5.2 5.2 0 1 1 3 9|M3 3v3.2h3.2",
};

/** Slider position (0..1) of a natural value, and back. */
function position(scale, value) {
  if (scale.kind === "linear") return Math.min(Math.max((value - scale.low) / (scale.high - scale.low), 0), 1);
  const above = value - scale.offset;
  if (!(above > scale.low)) return 0;
  return Math.min(Math.log(above / scale.low) / Math.log(scale.high / scale.low), 1);
}

function natural(scale, share) {
  if (scale.kind === "linear") {
    const digits = Math.max(0, Math.ceil(-Math.log10((scale.high - scale.low) / STEPS)));
    return Math.min(Math.max(Number((scale.low + share * (scale.high - scale.low)).toFixed(digits)), scale.low), scale.high);
  }
  if (share <= 0 && scale.zero) return scale.offset;
  return Number((scale.offset + scale.low * (scale.high / scale.low) ** share).toPrecision(4));
}

/**
 * The rows of parameters.
 *
 * send: sends a message to Python; redraw: draws the inspector again; errors: what is wrong with typed texts (see `fieldErrors`).
 * Returns { rows(state, list), arrived(values), restart(), fold() }.
 */
function parameterRows({ send, redraw, errors }) {
  let values = {}; // key -> [natural, raw] that arrived since the last full state
  let held = null; // { key, value } under the finger
  let rested = null; // { key, value } let go a moment ago
  let wide = false; // all parameters of a long list
  const bus = (use) => (window.covstudio?.send ? use(window.covstudio) : (window.covstudioQueue ??= []).push(use));

  function now(p) {
    const [value, raw] = values[p.key] ?? [p.value, p.raw];
    return held?.key === p.key ? { value: held.value, raw } : { value: numeric(value), raw };
  }

  function drag(p, value) {
    held = { key: p.key, value };
    rested = null;
    bus((channel) => channel.send({ type: "drag", node: p.node, param: p.param, value }));
    redraw();
  }

  function release() {
    if (!held) return;
    bus((channel) => channel.release());
    values[held.key] = [held.value, values[held.key]?.[1] ?? null];
    rested = held;
    held = null;
  }

  function commit(p) {
    return (text) => {
      const value = Number(text.trim().replace("−", "-").replace(",", "."));
      if (text.trim() === "" || !Number.isFinite(value)) return "Write a number, such as 0.25 or 1e-3.";
      const low = numeric(p.low);
      const high = numeric(p.high);
      if (value < low || (value === low && !p.zero)) return `Must be ${p.zero ? "at least" : "greater than"} ${short(low)}.`;
      if (value >= high) return `Must be less than ${short(high)}.`;
      send("set", { node: p.node, param: p.param, value });
      return undefined;
    };
  }

  const KEYS = { ArrowRight: 5, ArrowUp: 5, ArrowLeft: -5, ArrowDown: -5, PageUp: 100, PageDown: -100 };
  function onKey(p, event) {
    const jump = { Home: -STEPS, End: STEPS }[event.key];
    const step = jump ?? (KEYS[event.key] !== undefined ? KEYS[event.key] * (event.shiftKey ? 10 : 1) : undefined);
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const at = Math.round(position(p.scale, now(p).value) * STEPS);
    drag(p, natural(p.scale, Math.min(Math.max(at + step, 0), STEPS) / STEPS));
  }

  function parameter(state, p) {
    const { value, raw } = now(p);
    const at = position(p.scale, value);
    const error = errors.of(state, p.key);
    const text = short(value, 6);
    return h(
      "div",
      { class: "param", key: p.key, "data-fixed": p.fixed },
      h(
        "div",
        { class: "param-top" },
        h("span", { class: "symbol", title: p.meaning ? `${p.path}: ${p.meaning}` : p.path }, p.label),
        h("span", { class: "theta cs-grow", title: "raw parameter theta: the natural value before its transform" }, `θ = ${short(raw, 4)}`),
        p.fixed && h("span", { class: "cs-badge" }, "fixed"),
        h(
          "button",
          {
            type: "button",
            class: "cs-icon-button",
            "aria-label": `Reset ${p.path}`,
            "data-tip": `Back to ${short(p.default, 6)}`,
            "data-tip-side": "right",
            disabled: value === p.default,
            onclick: () => send("reset", { node: p.node, param: p.param }),
          },
          icon(PARAMETER_ICONS.reset, 14),
        ),
        h(
          "button",
          {
            type: "button",
            class: "cs-icon-button",
            "aria-label": `Fix ${p.path}`,
            "aria-pressed": String(p.fixed),
            "data-tip": p.fixed ? "Fixed: a constant in the fit. Press to estimate it." : "Free: estimated by the fit. Press to fix it.",
            "data-tip-side": "right",
            onclick: () => send("fix", { node: p.node, param: p.param, fixed: !p.fixed }),
          },
          icon(p.fixed ? PARAMETER_ICONS.fixed : PARAMETER_ICONS.free, 14),
        ),
      ),
      h(
        "div",
        { class: "param-line" },
        h("input", {
          type: "range",
          min: 0,
          max: STEPS,
          step: 1,
          value: Math.round(at * STEPS),
          style: `--fill: ${(at * 100).toFixed(1)}%`,
          "aria-label": p.path,
          "aria-valuetext": text,
          oninput: (event) => drag(p, natural(p.scale, Number(event.target.value) / STEPS)),
          onchange: release,
          onkeydown: (event) => onKey(p, event),
          onkeyup: release,
          onblur: release,
        }),
        h("input", {
          ...editing(text.replace("−", "-").replace("∞", "inf"), commit(p), errors.complain(p.key)),
          class: "cs-field number",
          inputmode: "decimal",
          spellcheck: "false",
          autocomplete: "off",
          "aria-label": `${p.path} value`,
          "aria-invalid": error ? "true" : undefined,
        }),
      ),
      error && h("div", { class: "cs-error", role: "alert" }, error),
      state.mode === "node" && p.note && h("div", { class: "cs-note" }, p.note),
    );
  }

  function rows(state, list) {
    const shown = wide ? list : list.slice(0, SHOWN);
    return [
      shown.map((p) => parameter(state, p)),
      list.length > shown.length &&
        h(
          "button",
          {
            type: "button",
            class: "cs-button cs-button--small",
            onclick: () => {
              wide = true;
              redraw();
            },
          },
          `Show all ${list.length}`,
        ),
    ];
  }

  return {
    rows,
    /** Numbers that arrive while a slider is dragged somewhere. */
    arrived(fresh) {
      values = { ...values, ...fresh };
      if (rested && !(rested.key in fresh)) rested = null;
      else if (rested) values[rested.key] = [rested.value, fresh[rested.key][1]];
    },
    /** A full state arrived. */
    restart() {
      values = held ? { [held.key]: values[held.key] ?? [held.value, null] } : {};
      rested = null;
    },
    /** Another page is shown: long lists are short again. */
    fold() {
      wide = false;
    },
  };
}
