// The inspector: one node, several, the whole model, or how to begin.

const ICONS = {
  remove: "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5 5 13h6l.5-8.5",
  matrix: "M2.5 2.5h11v11h-11z|M2.5 6.2h11|M2.5 9.8h11|M6.2 2.5v11|M9.8 2.5v11",
};

/** What is wrong with texts that were typed here and have not been taken: field -> sentence; Python's own refusals come with the state. */
function fieldErrors(redraw) {
  let complaints = {};
  return {
    of: (state, field) => complaints[field] ?? state.errors?.[field],
    complain: (field) => (sentence) => {
      if ((complaints[field] ?? null) === sentence) return;
      complaints = { ...complaints, [field]: sentence };
      redraw();
    },
    clear() {
      complaints = {};
    },
  };
}

export function render({ model, el }) {
  const send = (type, content = {}) => model.send_msg({ type, ...content });
  const redraw = () => view.redraw();
  const errors = fieldErrors(redraw);
  const parameters = parameterRows({ send, redraw, errors });
  const argument = argumentForm({ send, errors });

  function problems(list, choose) {
    return list.length > 0 && h("div", { class: "problems", key: "problems" }, problemList(list, "To finish", choose));
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
            }, errors.complain("name")),
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
        errors.of(state, "name") && h("div", { class: "cs-error", role: "alert" }, errors.of(state, "name")),
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
          parameters.rows(state, state.parameters),
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
      state.elsewhere.length > 0 &&
        h(
          "section",
          { class: "section", "aria-label": "Elsewhere", key: "elsewhere" },
          h("h3", { class: "cs-section-title" }, "Known elsewhere as"),
          h(
            "dl",
            { class: "elsewhere" },
            state.elsewhere.map((one) => [
              h("dt", {}, one.system),
              h("dd", {}, one.names.join(", "), one.usage && h("code", {}, one.usage)),
            ]),
          ),
        ),
      state.reference &&
        h(
          "section",
          { class: "section", "aria-label": "Reference", key: "reference" },
          h("h3", { class: "cs-section-title" }, "Reference"),
          h("p", { class: "about" }, state.reference),
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
          parameters.rows(state, group.parameters),
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
      errors.clear();
      parameters.fold();
    }
    return h("div", { class: "cs-root cs-view", key: `page ${key}` }, page ? page(state) : null);
  }

  const view = live(model, el, draw, {
    values: (content) => {
      parameters.arrived(content.values);
      view.redraw();
    },
  });
  model.on("state", () => {
    parameters.restart();
    view.redraw();
  });
}
