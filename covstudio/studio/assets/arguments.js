// The arguments of a structure as a form: sizes that may follow the model, columns of the table, matrices, positions, numbers,
// choices, flags. What may be left out says so, and how to leave it out again.

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
    const draw = { size, factors: columns, coordinates: columns, matrix, choice, flag, integer, number, indices }[a.kind];
    return h(
      "div",
      { class: "argument", key: a.name },
      draw(state, a, set, toggle),
      error ? h("div", { class: "cs-error", role: "alert" }, error) : problem && h("div", { class: "cs-todo" }, problem.message),
      a.help && h("div", { class: "cs-note" }, a.help),
      a.optional && a.set && h("div", { class: "cs-note" }, h("button", { type: "button", class: "cs-link", onclick: () => set(null) }, "Leave it out")),
    );
  }

  /** The label of a field, or of a group of fields when there is no one field to go to. */
  function label(a, target) {
    return h(target ? "label" : "div", { class: "cs-label", for: target }, a.label, a.optional && h("span", { class: "optional" }, "optional"));
  }

  /** A text field; `read` turns the text into a value, or returns {problem}. An empty text takes the argument out again. */
  function field(value, a, set, read, props) {
    return h("input", {
      ...editing(
        value ?? "",
        (text) => {
          if (text.trim() === "" && (a.optional || a.kind === "indices")) {
            set(null);
            return undefined;
          }
          const found = read(text.trim());
          if (found.problem) return found.problem;
          set(found.value);
          return undefined;
        },
        errors.complain(a.name),
      ),
      class: "cs-field",
      spellcheck: "false",
      autocomplete: "off",
      placeholder: a.optional ? "left out" : undefined,
      ...props,
    });
  }

  function wholeNumber(value, a, set, name) {
    const read = (text) => (/^\d+$/.test(text) ? { value: Number(text) } : { problem: "Write a whole number, such as 24." });
    return field(value, a, set, read, { id: `arg-${a.name}-number`, inputmode: "numeric", "aria-label": name });
  }

  function number(state, a, set) {
    const read = (text) => {
      const value = Number(text.replace("−", "-").replace(",", "."));
      return Number.isFinite(value) ? { value } : { problem: "Write a number, such as 0.25 or 1e-3." };
    };
    return [label(a, `arg-${a.name}`), field(a.value, a, set, read, { id: `arg-${a.name}`, inputmode: "decimal" })];
  }

  function indices(state, a, set) {
    // What cannot be read is said here, where the text stays as it was typed.
    const read = (text) => {
      const wrong = text.replace(/\s*[-\u2013\u2212]\s*/g, "-").split(/[\s,;]+/).find((part) => part !== "" && !/^\d+(-\d+)?$/.test(part));
      return wrong ? { problem: `'${wrong}' is no position; write positions counted from 0, such as "0, 2, 5-8".` } : { value: text };
    };
    return [label(a, `arg-${a.name}`), field(a.value, a, set, read, { id: `arg-${a.name}`, placeholder: a.optional ? "left out" : "0, 2, 5-8" })];
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
            type: a.most === 1 ? "radio" : "checkbox",
            checked: at >= 0,
            disabled: at < 0 && a.most > 1 && a.columns.length >= a.most,
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
    if (a.table && !written) return [label(a), picker(a, toggle), hint(a) && h("div", { class: "cs-note" }, hint(a))];
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
        placeholder: a.kind !== "coordinates" ? "R1, R1, R2, R2" : a.most === 1 ? "0, 1, 2.5, 4" : "0 0\n0 1.5\n1 0",
      }),
      h(
        "div",
        { class: "cs-note" },
        written ? `${a.count} rows. ` : "",
        a.most === 1 || a.kind !== "coordinates" ? "" : "One row a line, a number for each coordinate. ",
        a.table
          ? h("button", { type: "button", class: "cs-link", onclick: () => set(null) }, "Take columns of the table instead")
          : [h("button", { type: "button", class: "cs-link", onclick: () => send("go", { tab: "data" }) }, "Load a table"), " to choose columns, or write the values here."],
      ),
    ];
  }

  /** How many columns of coordinates there may be, where it is not just one. */
  function hint(a) {
    if (a.kind !== "coordinates" || a.most === 1) return "";
    if (a.most === null) return a.least > 1 ? `${a.least} columns or more, one for each coordinate.` : "";
    return a.least === a.most ? `${a.most} columns.` : `${a.least} to ${a.most} columns, one for each coordinate.`;
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
        { id: `arg-${a.name}`, class: "cs-field cs-select", value: a.value ?? "", onchange: (event) => set(event.target.value || null) },
        (a.optional || a.value === null) && h("option", { value: "", disabled: !a.optional }, a.optional ? "left out" : "choose one"),
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
