// The data view: a table is first a proposal that the person confirms; until then the data in use stays.

const ICONS = {
  upload: "M8 10.5v-8|M4.8 5.5 8 2.3l3.2 3.2|M2.5 10.5v3h11v-3",
};
const ROLES = [
  ["factor", "Factor"],
  ["covariate", "Covariate"],
  ["response", "Response"],
  ["ignored", "Ignored"],
];

export function render({ model, el }) {
  let over = false;
  const send = (type, content = {}) => model.send_msg({ type, ...content });

  function take(file) {
    const { limit } = view.state();
    if (!file) return;
    if (file.size > limit) {
      send("refuse", {
        text: `${file.name} is ${(file.size / 1e6).toFixed(1)} MB; at most ${(limit / 1e6).toFixed(0)} MB can be taken. Keep the columns the model needs, or fewer rows.`,
      });
      return;
    }
    sendFile(model, "table", file, (text) => send("refuse", { text }));
  }

  function upload() {
    return h(
      "label",
      {
        class: "drop",
        "data-over": over,
        ondragover: (event) => {
          event.preventDefault();
          if (!over) {
            over = true;
            view.redraw();
          }
        },
        ondragleave: () => {
          over = false;
          view.redraw();
        },
        ondrop: (event) => {
          event.preventDefault();
          over = false;
          view.redraw();
          take(event.dataTransfer.files[0]);
        },
      },
      icon(ICONS.upload, 20),
      h("div", {}, h("b", {}, "Upload a csv file"), " or drop it here", h("br"), h("small", {}, "One row per observation, names of columns in the first line")),
      h("input", {
        type: "file",
        class: "cs-hidden-text",
        "aria-label": "Upload a csv file",
        accept: ".csv,.tsv,.txt,text/csv,text/plain",
        onchange: (event) => {
          const [file] = event.target.files;
          event.target.value = "";
          take(file);
        },
      }),
    );
  }

  function sources(state) {
    return h(
      "div",
      { class: "source" },
      upload(),
      state.busy &&
        h(
          "div",
          { class: "busy", role: "status" },
          h("div", { class: "cs-row" }, h("span", { class: "cs-spinner" }), `${state.busy}…`),
          state.progress !== null &&
            h(
              "div",
              { class: "cs-bar", role: "progressbar", "aria-label": "Upload", "aria-valuenow": Math.round(state.progress * 100), "aria-valuemin": 0, "aria-valuemax": 100 },
              h("div", { style: `width: ${(state.progress * 100).toFixed(0)}%` }),
            ),
        ),
      h(
        "div",
        { class: "examples" },
        h("div", { class: "cs-label" }, "Or a built-in example"),
        state.examples.map((example) =>
          h(
            "button",
            { type: "button", class: "example", key: example.name, "aria-label": example.title, onclick: () => send("example", { name: example.name }) },
            h("b", {}, example.title),
            h("span", {}, example.description),
            h("span", {}, `${example.source} · ${example.licence}`),
          ),
        ),
      ),
    );
  }

  function column(c, proposed) {
    const missing = c.missing ? `, ${c.missing.toLocaleString()} missing` : "";
    return h(
      "div",
      { class: "column", key: c.name, "data-role": c.role },
      h("div", { class: "cs-grow" }, h("div", { class: "column-name cs-ellipsis", title: c.reason || c.name }, c.name), h("div", { class: "column-what" }, `${c.summary}${missing}`)),
      h(
        "select",
        {
          class: "cs-field cs-select",
          "aria-label": `Role of ${c.name}`,
          value: c.role,
          "aria-invalid": c.error ? "true" : undefined,
          onchange: (event) => send("role", { column: c.name, role: event.target.value }),
        },
        ROLES.map(([value, text]) => h("option", { value }, text)),
      ),
      c.error ? h("div", { class: "cs-error", role: "alert" }, c.error) : proposed && c.reason && h("div", { class: "column-why" }, c.reason),
      levels(c),
    );
  }

  // Levels in order: the first column of buttons moves one up, the second makes it the one to compare with.
  function levels(c) {
    if (!c.levels.length) return null;
    const up = (i) => {
      const order = [...c.levels];
      [order[i - 1], order[i]] = [order[i], order[i - 1]];
      send("order", { column: c.name, levels: order });
    };
    return h(
      "details",
      { class: "levels", key: `levels ${c.name}` },
      h("summary", {}, `Levels, compared with ${c.reference}`),
      h(
        "ol",
        { "aria-label": `Levels of ${c.name}` },
        c.levels.map((level, i) =>
          h(
            "li",
            { key: level },
            h("span", { class: "cs-grow cs-ellipsis", title: level }, level),
            h("button", { type: "button", class: "cs-button cs-button--small", "aria-label": `Move ${level} up`, disabled: i === 0, onclick: () => up(i) }, "↑"),
            h(
              "button",
              {
                type: "button",
                class: "cs-button cs-button--small",
                "aria-label": `Compare the others with ${level}`,
                "aria-pressed": level === c.reference,
                onclick: () => send("reference", { column: c.name, level }),
              },
              level === c.reference ? "reference" : "make reference",
            ),
          ),
        ),
      ),
    );
  }

  function question(q, place) {
    return h(
      "div",
      { class: "cs-notice cs-notice--todo", role: "group", "aria-label": "Question" },
      h("div", {}, q.text),
      q.answers.length > 0 &&
        h(
          "div",
          { class: "answers" },
          q.answers.map((text, answer) =>
            h("button", { type: "button", class: "cs-button cs-button--small", key: text, onclick: () => send("answer", { question: place, answer }) }, text),
          ),
        ),
    );
  }

  function preview(table) {
    const numeric = new Set(table.columns.filter((c) => c.numeric).map((c) => c.name));
    return h(
      "div",
      { class: "preview", role: "region", "aria-label": "First rows", tabindex: "0" },
      h(
        "table",
        { class: "cs-table" },
        h("thead", {}, h("tr", {}, table.shown.map((name) => h("th", { scope: "col", class: numeric.has(name) ? "cs-number" : "" }, name)))),
        h(
          "tbody",
          {},
          table.head.map((row) =>
            h(
              "tr",
              {},
              row.map((cell, i) => h("td", { class: numeric.has(table.shown[i]) ? "cs-number" : "" }, cell === null ? h("span", { class: "cs-muted" }, "missing") : String(cell))),
            ),
          ),
        ),
      ),
    );
  }

  function draw(state) {
    const { table } = state;
    const errors = state.error && h("div", { class: "block" }, h("div", { class: "cs-notice cs-notice--problem", role: "alert" }, state.error));
    const wanted =
      state.wanted && h("div", { class: "block" }, h("div", { class: "cs-notice", role: "status" }, `This model was made for the table “${state.wanted}”. Load it here to build and fit it.`));
    if (!table) return h("div", { class: "cs-root cs-view", key: "none" }, wanted, errors, sources(state));
    return h(
      "div",
      { class: "cs-root cs-view", key: "table" },
      errors,
      h(
        "div",
        { class: "table-head" },
        h("h2", { class: "cs-title cs-grow cs-ellipsis", title: table.name }, table.name),
        h("span", { class: "cs-badge" }, `${table.rows.toLocaleString()} rows × ${table.columns.length} columns`),
        state.proposed ? h("span", { class: "cs-badge cs-badge--accent" }, "to confirm") : h("span", { class: "cs-badge cs-badge--ok" }, "in use"),
      ),
      h("div", { class: "block" }, table.questions.map(question), [...table.notes, ...state.notes].map((note) => h("div", { class: "cs-notice" }, note))),
      h("h3", { class: "cs-section-title", style: "padding: 12px 16px 0" }, state.proposed ? "What is each column?" : "Columns"),
      h("div", { class: "columns" }, table.columns.map((c) => column(c, state.proposed))),
      h("h3", { class: "cs-section-title", style: "padding: 4px 16px 6px" }, "First rows"),
      preview(table),
      table.shown.length < table.columns.length && h("div", { class: "cs-note ellipsis-note" }, `The first ${table.shown.length} of ${table.columns.length} columns are shown.`),
      !state.proposed && h("details", { class: "change", key: "change" }, h("summary", {}, "Use another table"), sources(state)),
      state.proposed &&
        h(
          "div",
          { class: "bar" },
          h("button", { type: "button", class: "cs-button cs-button--primary", disabled: !table.ready, onclick: () => send("use") }, "Use this table"),
          h("button", { type: "button", class: "cs-button", onclick: () => send("discard") }, "Cancel"),
        ),
    );
  }

  const view = live(model, el, draw);
}
