// The arguments of a structure as a form: sizes that may follow the model, columns of the table, matrices, choices, flags.

/**
 * The form of one argument.
 *
 * send: sends a message to Python; errors: what is wrong with typed texts (see `fieldErrors`).
 * Returns a function (state, argument) -> description.
 */
function argumentForm({ send, errors }) {
  function argument(state, a) {
    const set = (value) => send("argument", { node: state.id, argument: a.name, value });
    const toggle = (column, on) => send("column", { node: state.id, argument: a.name, column, on });
    const problem = state.problems.find((p) => p.field === a.name);
    const error = errors.of(state, a.name) ?? (problem?.unfinished ? null : problem?.message);
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
        errors.complain(a.name),
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
          errors.complain(a.name),
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
          errors.complain(a.name),
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

  return argument;
}
