// The inspector. A slider that is dragged speaks to the live evaluation through the bus (painter.js); everything else is a message
// of this component's own. What the person is doing right now wins over what arrives: a value under the finger is not overwritten.

const STEPS = 1000;
const ICONS = {
  free: "M4.5 7V5a3 3 0 0 1 5.8-1|M3.5 7h9v6h-9z",
  fixed: "M5 7V5a3 3 0 0 1 6 0v2|M3.5 7h9v6h-9z",
  reset: "M3.2 6A5.2 5.2 0 1 1 3 9|M3 3v3.2h3.2",
  remove: "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5 5 13h6l.5-8.5",
  matrix: "M2.5 2.5h11v11h-11z|M2.5 6.2h11|M2.5 9.8h11|M6.2 2.5v11|M9.8 2.5v11",
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

let katex = null;
function loadKatex(address) {
  katex ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.katex);
    script.onerror = reject;
    document.head.append(script);
  });
  return katex;
}

export function render({ model, el }) {
  let values = {}; // key -> [natural, raw] that arrived since the last full state
  let held = null; // { key, value } under the finger
  let rested = null; // { key, value } let go a moment ago: older values are still on their way here
  let complaints = {}; // key -> why a typed text will not do
  let wide = false; // all parameters of a long list
  const send = (type, content = {}) => model.send_msg({ type, ...content });
  const bus = (use) => (window.covstudio?.send ? use(window.covstudio) : (window.covstudioQueue ??= []).push(use));

  // ---- parameters ----

  function now(p) {
    const [value, raw] = values[p.key] ?? [p.value, p.raw];
    return held?.key === p.key ? { value: held.value, raw } : { value: numeric(value), raw };
  }

  function drag(p, value) {
    held = { key: p.key, value };
    rested = null;
    bus((channel) => channel.send({ type: "drag", node: p.node, param: p.param, value }));
    view.redraw();
  }

  function release() {
    if (!held) return;
    bus((channel) => channel.release());
    values[held.key] = [held.value, values[held.key]?.[1] ?? null];
    rested = held;
    held = null;
  }

  function complain(key) {
    return (sentence) => {
      if ((complaints[key] ?? null) === sentence) return;
      complaints = { ...complaints, [key]: sentence };
      view.redraw();
    };
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
    const error = complaints[p.key] ?? state.errors?.[p.key];
    const text = short(value, 6);
    return h(
      "div",
      { class: "param", key: p.key, "data-fixed": p.fixed },
      h(
        "div",
        { class: "param-top" },
        h("span", { class: "symbol", title: p.path }, p.label),
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
          icon(ICONS.reset, 14),
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
          icon(p.fixed ? ICONS.fixed : ICONS.free, 14),
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
          ...editing(text.replace("−", "-").replace("∞", "inf"), commit(p), complain(p.key)),
          class: "cs-field number",
          inputmode: "decimal",
          spellcheck: "false",
          autocomplete: "off",
          "aria-label": `${p.path} value`,
          "aria-invalid": error ? "true" : undefined,
        }),
      ),
      error && h("div", { class: "cs-error", role: "alert" }, error),
    );
  }

  function parameters(state, list) {
    const limit = 40;
    const shown = wide ? list : list.slice(0, limit);
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
              view.redraw();
            },
          },
          `Show all ${list.length}`,
        ),
    ];
  }

  // ---- arguments ----

  function argument(state, a) {
    const set = (value) => send("argument", { node: state.id, argument: a.name, value });
    const toggle = (column, on) => send("column", { node: state.id, argument: a.name, column, on });
    const problem = state.problems.find((p) => p.field === a.name);
    const error = complaints[a.name] ?? state.errors?.[a.name] ?? (problem?.unfinished ? null : problem?.message);
    const draw = { size, factors: columns, coordinates: columns, matrix, choice, flag, integer }[a.kind];
    return h(
      "div",
      { class: "argument", key: a.name },
      draw(state, a, set, toggle),
      error ? h("div", { class: "cs-error", role: "alert" }, error) : problem && h("div", { class: "cs-todo" }, problem.message),
      a.help && h("div", { class: "cs-note" }, a.help),
    );
  }

  function label(a, target) {
    return h("label", { class: "cs-label", for: target }, a.label);
  }

  function wholeNumber(value, a, set, name) {
    return h("input", {
      ...editing(
        value ?? "",
        (text) => {
          if (!/^\s*\d+\s*$/.test(text)) return "Write a whole number, such as 24.";
          set(Number(text));
          return undefined;
        },
        complain(a.name),
      ),
      id: `arg-${a.name}-number`,
      class: "cs-field",
      inputmode: "numeric",
      "aria-label": name,
    });
  }

  function size(state, a, set, toggle) {
    const modes = [
      ["auto", "Follows the model"],
      ["rows", a.rows === null ? "Rows of the table" : `Rows of the table (${a.rows})`],
      ["levels", "Levels of columns"],
      ["number", "A number"],
    ];
    return [
      label(a, `arg-${a.name}`),
      h(
        "div",
        { class: a.mode === "number" ? "pair" : "" },
        h(
          "select",
          {
            id: `arg-${a.name}`,
            class: "cs-field cs-select",
            value: a.mode,
            onchange: (event) => {
              const mode = event.target.value;
              const first = a.columns.length ? a.columns : a.choices.slice(0, 1).map((choice) => choice.name);
              set(mode === "number" ? { mode, number: a.number } : mode === "levels" ? { mode, columns: first } : { mode });
            },
          },
          modes.map(([mode, text]) => h("option", { value: mode, disabled: mode === "levels" && !a.choices.length }, text)),
        ),
        a.mode === "number" && wholeNumber(a.number, a, (number) => set({ mode: "number", number }), `${a.label} as a number`),
      ),
      a.mode === "levels" && picker(a, toggle),
      a.origin && h("div", { class: "cs-note" }, a.origin),
    ];
  }

  /** One column in or out of the list that the document holds: two quick clicks are two steps, whatever has been echoed yet. */
  function picker(a, choose) {
    return h(
      "div",
      { class: "choices cs-scroll", role: "group", "aria-label": a.label },
      a.choices.map((choice) => {
        const at = a.columns.indexOf(choice.name);
        return h(
          "label",
          { class: "choice", key: choice.name },
          h("input", {
            type: "checkbox",
            checked: at >= 0,
            "aria-label": choice.name,
            onchange: (event) => choose(choice.name, event.target.checked),
          }),
          at >= 0 && a.columns.length > 1 && h("i", {}, at + 1),
          h("span", { class: "cs-ellipsis" }, choice.name),
          h("i", {}, choice.role === "ignored" ? "" : choice.role),
        );
      }),
    );
  }

  function columns(state, a, set, toggle) {
    const written = a.count !== null && a.count !== undefined;
    if (a.table && !written) return [h("div", { class: "cs-label" }, a.label), picker(a, toggle)];
    return [
      label(a, `arg-${a.name}`),
      h("textarea", {
        ...editing(
          a.written,
          (text) => {
            set(text.trim() ? { written: text } : null);
            return undefined;
          },
          complain(a.name),
        ),
        id: `arg-${a.name}`,
        class: "cs-field",
        rows: 3,
        placeholder: a.kind === "coordinates" ? "0, 1, 2.5, 4" : "R1, R1, R2, R2",
      }),
      h(
        "div",
        { class: "cs-note" },
        written ? `${a.count} values. ` : "",
        a.table
          ? h("button", { type: "button", class: "cs-link", onclick: () => set(null) }, "Take columns of the table instead")
          : [h("button", { type: "button", class: "cs-link", onclick: () => send("go", { tab: "data" }) }, "Load a table"), " to choose columns, or write the values here."],
      ),
    ];
  }

  function matrix(state, a, set) {
    return [
      label(a, `arg-${a.name}`),
      h("textarea", {
        ...editing(
          a.text,
          (text) => {
            set(text.trim() ? text : null);
            return undefined;
          },
          complain(a.name),
        ),
        id: `arg-${a.name}`,
        class: "cs-field",
        rows: 5,
        spellcheck: "false",
        placeholder: a.large ? `${a.shape}: too large to show; paste another to replace it` : "1 0.5\n0.5 1",
      }),
      a.shape !== "–" && h("div", { class: "cs-note" }, `${a.shape}. One row a line.`),
    ];
  }

  function choice(state, a, set) {
    return [
      label(a, `arg-${a.name}`),
      h(
        "select",
        { id: `arg-${a.name}`, class: "cs-field cs-select", value: a.value, onchange: (event) => set(event.target.value) },
        a.choices.map((item) => h("option", { value: item }, item)),
      ),
    ];
  }

  function flag(state, a, set) {
    return h("label", { class: "check" }, h("input", { type: "checkbox", checked: a.value === true, onchange: (event) => set(event.target.checked) }), a.label);
  }

  function integer(state, a, set) {
    return [label(a, `arg-${a.name}-number`), wholeNumber(a.value, a, set, a.label)];
  }

  // ---- pages ----

  function problems(list, choose) {
    return list.length > 0 && h("div", { class: "problems", key: "problems" }, problemList(list, "To finish", choose));
  }

  function drawFormula(node, state) {
    if (node.__formula === state.formula) return;
    node.__formula = state.formula;
    node.textContent = state.symbol;
    if (!state.katex) return;
    loadKatex(state.katex)
      .then((engine) => {
        if (node.__formula !== state.formula) return;
        engine.render(state.formula, node, { output: "mathml", displayMode: true, throwOnError: true });
      })
      .catch(() => {
        node.textContent = state.symbol;
      });
  }

  function nodePage(state) {
    return [
      h(
        "div",
        { class: "head" },
        h(
          "div",
          { class: "cs-row" },
          h("input", {
            ...editing(state.name, (text) => {
              if (!text.trim()) return "A name needs at least one character.";
              send("rename", { node: state.id, name: text });
              return undefined;
            }, complain("name")),
            class: "cs-field name cs-grow",
            "aria-label": "Name",
            maxlength: 60,
            spellcheck: "false",
          }),
          h(
            "button",
            {
              type: "button",
              class: "cs-icon-button",
              "aria-label": "Show as matrix",
              "data-tip": "Show this matrix large",
              "data-tip-side": "right",
              onclick: () => {
                send("focus", { key: state.id });
                send("go", { tab: "matrix" });
              },
            },
            icon(ICONS.matrix),
          ),
          h(
            "button",
            { type: "button", class: "cs-icon-button", "aria-label": "Remove", "data-tip": "Remove (Delete)", "data-tip-side": "right", onclick: () => send("remove") },
            icon(ICONS.remove),
          ),
        ),
        (complaints.name ?? state.errors?.name) && h("div", { class: "cs-error", role: "alert" }, complaints.name ?? state.errors.name),
        h(
          "div",
          { class: "what" },
          h("span", { class: `cs-badge cs-badge--${state.role}` }, state.title),
          h("span", { class: "cs-badge" }, state.shape),
          state.indefinite && h("span", { class: "cs-badge cs-badge--problem", title: "Some parameter values give a matrix that is no covariance" }, "not always a covariance"),
        ),
        h("p", { class: "summary" }, state.summary),
        h("div", { class: "formula", own: true, ref: (node) => drawFormula(node, state) }),
      ),
      problems(state.problems.filter((p) => !state.arguments.some((a) => a.name === p.field))),
      state.arguments.length > 0 &&
        h("section", { class: "section", "aria-label": "Arguments", key: "arguments" }, h("h3", { class: "cs-section-title" }, "Arguments"), state.arguments.map((a) => argument(state, a))),
      state.parameters.length > 0 &&
        h(
          "section",
          { class: "section", "aria-label": "Parameters", key: "parameters" },
          h("h3", { class: "cs-section-title" }, "Parameters"),
          parameters(state, state.parameters),
        ),
      state.operands.length > 0 &&
        h(
          "section",
          { class: "section", "aria-label": "Operands", key: "operands" },
          h("h3", { class: "cs-section-title" }, "Operands"),
          h(
            "dl",
            { class: "operands" },
            state.operands.map((o) => [
              h("dt", { title: o.help }, o.slot),
              h("dd", { class: "cs-ellipsis" }, o.child ? h("button", { type: "button", class: "cs-link", onclick: () => send("select", { node: o.child }) }, o.name) : h("span", { class: "cs-muted" }, "empty")),
              h("dd", { class: "cs-muted" }, o.shape ?? ""),
            ]),
          ),
        ),
      (state.aliases.length > 0 || state.reference) &&
        h(
          "section",
          { class: "section", "aria-label": "About", key: "about" },
          h("h3", { class: "cs-section-title" }, "Known elsewhere as"),
          h("div", { class: "about" }, state.aliases.length > 0 && h("p", {}, state.aliases.join(" · ")), state.reference && h("p", {}, state.reference)),
        ),
    ];
  }

  function modelPage(state) {
    const choose = (node) => send("select", { node });
    return [
      h(
        "div",
        { class: "head" },
        h("div", { class: "cs-row" }, h("h2", { class: "cs-title cs-grow" }, "All parameters of V"), h("span", { class: "cs-badge" }, state.shape)),
        h(
          "p",
          { class: "summary" },
          state.groups.length
            ? `${state.free} free${state.fixed ? `, ${state.fixed} fixed` : ""}. Select a node on the canvas to see its arguments.`
            : "Parameters appear here when V is complete. Select a node on the canvas to work on it.",
        ),
      ),
      !state.groups.length && problems(state.problems, choose),
      state.groups.map((group) =>
        h(
          "section",
          { class: "section", "aria-label": group.name, key: group.node },
          h(
            "div",
            { class: "group-name" },
            h("button", { type: "button", class: "cs-link cs-ellipsis", onclick: () => send("select", { node: group.node }) }, group.name),
            h("span", { class: "cs-ellipsis" }, group.title),
          ),
          parameters(state, group.parameters),
        ),
      ),
      state.groups.length > 0 && problems(state.problems, choose),
    ];
  }

  function severalPage(state) {
    return [
      h(
        "div",
        { class: "head" },
        h(
          "div",
          { class: "cs-row" },
          h("h2", { class: "cs-title cs-grow" }, `${state.nodes.length} nodes selected`),
          h("button", { type: "button", class: "cs-button cs-button--small cs-button--danger", onclick: () => send("remove") }, "Remove"),
        ),
      ),
      h(
        "ul",
        { class: "section" },
        state.nodes.map((node) =>
          h("li", { class: "group-name", key: node.id }, h("button", { type: "button", class: "cs-link", onclick: () => send("select", { node: node.id }) }, node.name), h("span", {}, node.title)),
        ),
      ),
    ];
  }

  function emptyPage(state) {
    const go = (tab) => () => send("go", { tab });
    return h(
      "div",
      { class: "start" },
      h("h2", {}, "Compose a covariance, see it, fit it"),
      h(
        "ol",
        {},
        h(
          "li",
          {},
          h("b", {}, state.table ? `Table: ${state.table}` : "Load a table"),
          h("p", {}, "A field trial or any table with one row per observation. The built-in alpha design is a good first one."),
          h("button", { type: "button", class: "cs-button", onclick: go("data") }, state.table ? "See the columns" : "Load data"),
        ),
        h("li", {}, h("b", {}, "Build V"), h("p", {}, "Drag structures from the palette onto the canvas and wire them into V, or pick a template in the bar above.")),
        h("li", {}, h("b", {}, "Move the sliders"), h("p", {}, "V, every derivative and each node's picture follow at once.")),
        h("li", {}, h("b", {}, "Fit by REML"), h("p", {}, "Name the response and the fixed effects; estimates come back to the sliders, and Undo takes them back.")),
      ),
    );
  }

  let shownKey = null;
  function draw(state) {
    const page = { node: nodePage, model: modelPage, several: severalPage, empty: emptyPage }[state.mode];
    const key = state.mode === "node" ? state.id : state.mode;
    if (key !== shownKey) {
      shownKey = key;
      complaints = {};
      wide = false;
    }
    return h("div", { class: "cs-root cs-view", key: `page ${key}` }, page ? page(state) : null);
  }

  const view = live(model, el, draw, {
    values: (content) => {
      values = { ...values, ...content.values };
      if (rested && !(rested.key in content.values)) rested = null;
      else if (rested) values[rested.key] = [rested.value, content.values[rested.key][1]];
      view.redraw();
    },
  });
  model.on("state", () => {
    values = held ? { [held.key]: values[held.key] ?? [held.value, null] } : {};
    rested = null;
    view.redraw();
  });
}
