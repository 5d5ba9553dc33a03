// The fit view. While a fit runs it draws each iteration as it arrives; afterwards the tables, which the person can sort, search
// and download.

const ICONS = {
  download: "M8 2.5v8|M4.8 7.5 8 10.7l3.2-3.2|M2.5 13.5h11",
};
const TITLES = {
  variance_components: "Variance components",
  fixed_effects: "Fixed effects",
  blups: "Random effects (BLUPs)",
  fit: "Summary",
};
const HEADS = {
  standard_error: "SE",
  estimate: "Estimate",
  parameter: "Parameter",
  effect: "Effect",
  boundary: "Boundary",
  term: "Term",
  level: "Level",
  blup: "BLUP",
  status: "Note",
  ratio: "Ratio",
};
const DECIMALS = { ratio: 3 };
const SHOWN = 200;

export function render({ model, el }) {
  let result = JSON.parse(model.result);
  let search = "";
  let sort = null; // [column, ascending]
  let all = false;
  const send = (type, content = {}) => model.send_msg({ type, ...content });
  const check = debounce((text) => send("check", { text }), 200);

  // ---- what is fitted ----

  function setup(state) {
    const { response, formula } = state;
    const running = state.phase !== "idle";
    return h(
      "section",
      { class: "setup", "aria-label": "Model" },
      h(
        "div",
        {},
        h("label", { class: "cs-label", for: "response" }, "Response"),
        h(
          "select",
          {
            id: "response",
            class: "cs-field cs-select",
            value: response.value ?? "",
            disabled: !state.table,
            "aria-invalid": response.error ? "true" : undefined,
            onchange: (event) => send("response", { column: event.target.value }),
          },
          h("option", { value: "" }, state.table ? "Choose a column" : "No table yet"),
          response.value && !response.choices.includes(response.value) && h("option", { value: response.value }, response.value),
          response.choices.map((name) => h("option", { value: name }, name)),
        ),
        response.error && h("div", { class: "cs-error", role: "alert" }, response.error),
      ),
      h(
        "div",
        {},
        h("label", { class: "cs-label", for: "formula" }, "Fixed effects"),
        h("input", {
          ...withCheck(
            editing(formula.text, (text) => {
              check.cancel();
              send("formula", { text });
              return undefined;
            }),
          ),
          id: "formula",
          class: "cs-field formula-field",
          "aria-invalid": formula.error ? "true" : undefined,
          "aria-describedby": "formula-note",
          spellcheck: "false",
          autocomplete: "off",
          placeholder: "1 + rep",
          list: "formula-columns",
        }),
        h(
          "div",
          { id: "formula-note", "aria-live": "polite" },
          formula.error
            ? h("div", { class: "cs-error", role: "alert" }, formula.error)
            : formula.count > 0
              ? h("div", { class: "cs-note" }, `${formula.count} column${formula.count === 1 ? "" : "s"} of X: ${formula.names.join(", ")}${formula.count > formula.names.length ? ", …" : ""}`)
              : null,
          formula.columns.length > 0 && !formula.error && h("div", { class: "cs-note" }, `Columns: ${formula.columns.join(", ")}. Join with +, cross with : or *.`),
        ),
      ),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "cs-button cs-button--primary fit-button", disabled: running || state.reason !== null, "aria-describedby": "fit-why", onclick: () => send("fit") }, "Fit"),
        running && h("button", { type: "button", class: "cs-button", disabled: state.phase === "cancelling", onclick: () => send("cancel") }, "Cancel"),
        h(
          "span",
          { class: "why cs-grow", id: "fit-why" },
          !running && state.reason,
          !running && !state.table && [" ", h("button", { type: "button", class: "cs-link", onclick: () => send("go", { tab: "data" }) }, "Load data")],
        ),
      ),
      !running && problemList(state.problems, "Problems", choose),
      state.notes.map((note) => h("div", { class: "cs-notice" }, note)),
    );
  }

  function withCheck(props) {
    return {
      ...props,
      oninput: (event) => {
        props.oninput(event);
        check(event.target.value);
      },
      onkeydown: (event) => {
        props.onkeydown(event);
        if (event.key !== "Escape") return;
        check.cancel();
        send("formula", { text: props.value }); // what was typed is taken back, and so is what was said about it
      },
      onblur: (event) => {
        check.cancel();
        props.onblur(event);
      },
    };
  }

  function choose(node) {
    send("select", { node });
    send("go", { tab: "inspector" });
  }

  // ---- progress ----

  function spark(steps) {
    if (steps.length < 2) return null;
    const values = steps.map((step) => numeric(step.loglik)).map((value) => (Number.isFinite(value) ? value : null));
    const known = values.filter((value) => value !== null);
    const low = Math.min(...known);
    const span = Math.max(...known) - low || 1;
    const points = values.map((value, i) => [(i / (values.length - 1)) * 300, value === null ? 54 : 52 - ((value - low) / span) * 48]);
    return h(
      "svg",
      { class: "spark", viewBox: "0 0 300 56", preserveAspectRatio: "none", role: "img", "aria-label": "Log-likelihood by iteration" },
      h("polyline", { points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ") }),
    );
  }

  function iterations(steps) {
    return h(
      "div",
      { class: "wide-table", role: "region", "aria-label": "Iterations", tabindex: "0" },
      h(
        "table",
        { class: "cs-table" },
        h("thead", {}, h("tr", {}, ["Iteration", "Log-likelihood", "Score norm", "Halvings"].map((name) => h("th", { scope: "col", class: "cs-number" }, name)))),
        h(
          "tbody",
          {},
          [...steps]
            .reverse()
            .map((step) => h("tr", { key: step.number }, h("td", { class: "cs-number" }, step.number), h("td", { class: "cs-number" }, fixed(step.loglik)), h("td", { class: "cs-number" }, short(step.score, 3)), h("td", { class: "cs-number" }, step.halvings))),
        ),
      ),
    );
  }

  function progress(state) {
    const last = state.steps.at(-1);
    const text = {
      starting: "Starting a worker…",
      waiting: state.ahead ? `Waiting for a free worker, ${state.ahead} ahead…` : "Waiting for a free worker…",
      running: last ? `Iteration ${last.number}, log-likelihood ${fixed(last.loglik)}` : "Preparing the data…",
      cancelling: "Cancelling…",
    }[state.phase];
    return h(
      "section",
      { class: "section", "aria-label": "Progress", key: "progress" },
      h("div", { class: "progress-line", role: "status" }, h("span", { class: "cs-spinner" }), h("span", { class: "cs-grow" }, text)),
      spark(state.steps),
      state.steps.length > 0 && iterations(state.steps),
    );
  }

  // ---- results ----

  const isNumber = (value) => typeof value === "number" || ["inf", "-inf", "nan"].includes(value);

  function cell(value, name) {
    if (value === null || value === undefined) return h("td", { class: "cs-number" }, h("span", { class: "cs-muted" }, "–"));
    if (isNumber(value)) return h("td", { class: "cs-number" }, fixed(value, DECIMALS[name] ?? 6));
    if (name === "status") return h("td", {}, value && h("span", { class: "cs-badge" }, value));
    return h("td", { title: value }, value);
  }

  function head(name) {
    return HEADS[name] ?? name.replaceAll("_", " ");
  }

  function numericColumn(table, i) {
    return table.rows.length > 0 && table.rows.every((row) => row[i] === null || isNumber(row[i]));
  }

  function frame(whole) {
    const used = whole.columns.map((name, i) => i).filter((i) => whole.columns[i] !== "status" || whole.rows.some((row) => row[i]));
    const table = { columns: used.map((i) => whole.columns[i]), rows: whole.rows.map((row) => used.map((i) => row[i])) };
    return h(
      "div",
      { class: "wide-table" },
      h(
        "table",
        { class: "cs-table" },
        h("thead", {}, h("tr", {}, table.columns.map((name, i) => h("th", { scope: "col", class: numericColumn(table, i) ? "cs-number" : "" }, head(name))))),
        h("tbody", {}, table.rows.map((row) => h("tr", {}, row.map((value, i) => cell(value, table.columns[i]))))),
      ),
    );
  }

  function csv(name) {
    return h(
      "button",
      {
        type: "button",
        class: "cs-icon-button",
        "aria-label": `Download ${TITLES[name] ?? name} as csv`,
        "data-tip": "Download as csv",
        "data-tip-side": "right",
        onclick: () => send("csv", { table: name }),
      },
      icon(ICONS.download),
    );
  }

  function section(name) {
    const table = result.tables[name];
    return table && h("section", { class: "section", "aria-label": TITLES[name], key: name }, h("div", { class: "section-head" }, h("h3", {}, TITLES[name]), csv(name)), frame(table));
  }

  function compare(a, b) {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function blups() {
    const table = result.tables.blups;
    if (!table || !table.total) return null;
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = table.rows.filter((row) => words.every((word) => row.some((value) => String(value).toLowerCase().includes(word))));
    if (sort) {
      const [column, up] = sort;
      rows = [...rows].sort((a, b) => (up ? 1 : -1) * compare(a[column], b[column]));
    }
    const shown = all ? rows : rows.slice(0, SHOWN);
    return h(
      "section",
      { class: "section", "aria-label": TITLES.blups, key: "blups" },
      h("div", { class: "section-head" }, h("h3", {}, TITLES.blups), h("span", { class: "cs-badge" }, `${table.total.toLocaleString()}`), csv("blups")),
      h("input", {
        type: "search",
        class: "cs-field",
        style: "margin: 2px 0 8px",
        placeholder: "Search terms and levels",
        "aria-label": "Search random effects",
        value: search,
        oninput: (event) => {
          search = event.target.value;
          view.redraw();
        },
      }),
      h(
        "div",
        { class: "wide-table tall", role: "region", "aria-label": "Random effects table", tabindex: "0" },
        h(
          "table",
          { class: "cs-table" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              table.columns.map((name, i) =>
                h(
                  "th",
                  { scope: "col", class: numericColumn(table, i) ? "cs-number" : "", "aria-sort": sort?.[0] === i ? (sort[1] ? "ascending" : "descending") : "none" },
                  h(
                    "button",
                    {
                      type: "button",
                      "aria-label": `Sort by ${head(name)}`,
                      onclick: () => {
                        sort = sort?.[0] === i ? (sort[1] ? [i, false] : null) : [i, true];
                        view.redraw();
                      },
                    },
                    head(name),
                    sort?.[0] === i ? (sort[1] ? " ↑" : " ↓") : "",
                  ),
                ),
              ),
            ),
          ),
          h("tbody", {}, shown.map((row) => h("tr", {}, row.map((value, i) => cell(value, table.columns[i]))))),
        ),
        rows.length === 0 && h("div", { class: "cs-empty" }, "No random effect matches."),
      ),
      rows.length > shown.length &&
        h(
          "div",
          { class: "cs-note" },
          `${shown.length} of ${rows.length.toLocaleString()} shown. `,
          h(
            "button",
            {
              type: "button",
              class: "cs-link",
              onclick: () => {
                all = true;
                view.redraw();
              },
            },
            "Show all",
          ),
        ),
      table.rows.length < table.total && h("div", { class: "cs-note" }, `The first ${table.rows.length.toLocaleString()} are listed; the csv file has all ${table.total.toLocaleString()}.`),
    );
  }

  function results(state) {
    const s = result.summary;
    const stale = state.stale;
    const metric = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    return h(
      "div",
      { key: "results", role: "region", "aria-label": "Results" },
      stale &&
        h(
          "div",
          { class: "stale-bar", role: "status" },
          h("span", { class: "cs-grow" }, stale.text),
          stale.values && h("button", { type: "button", class: "cs-button cs-button--small", onclick: () => send("again") }, "Back to the estimates"),
        ),
      h(
        "div",
        { class: stale && !stale.values ? "stale" : "" },
        h(
          "section",
          { class: "section", "aria-label": "Summary" },
          h(
            "div",
            { class: "section-head" },
            h("h3", {}, s.converged ? "Converged" : "Did not converge"),
            h("span", { class: `cs-badge cs-badge--${s.converged ? "ok" : "problem"}` }, `${s.iterations} iterations`),
            h("button", { type: "button", class: "cs-button cs-button--small", onclick: () => send("csv", { table: "all" }) }, icon(ICONS.download, 14), "Download all"),
          ),
          !s.converged && s.message && h("div", { class: "cs-notice cs-notice--problem" }, s.message),
          h("dl", { class: "metrics" }, metric("Log-likelihood", fixed(s.loglik, 4)), metric("AIC", fixed(s.aic, 4)), metric("BIC", fixed(s.bic, 4))),
          h("p", { class: "facts" }, `REML on ${s.n.toLocaleString()} rows with ${s.p} fixed effect${s.p === 1 ? "" : "s"}, ${s.engine} engine, ${short(s.seconds, 2)} s.`, s.boundary.length > 0 && ` On the boundary: ${s.boundary.join(", ")}.`),
          s.notes.map((note) => h("p", { class: "facts" }, note)),
          state.steps.length > 0 && h("details", { class: "history" }, h("summary", {}, "Iterations"), spark(state.steps), iterations(state.steps)),
        ),
        section("variance_components"),
        section("fixed_effects"),
        blups(),
      ),
    );
  }

  function draw(state) {
    const running = state.phase !== "idle";
    const failure = state.failure;
    return h(
      "div",
      { class: "cs-root cs-view" },
      setup(state),
      running && progress(state),
      failure &&
        !running &&
        h(
          "section",
          { class: "section", "aria-label": "What went wrong", key: "failure" },
          h("div", { role: "alert" }, failure.message && h("div", { class: "cs-notice cs-notice--problem" }, failure.message), problemList(failure.problems, "Problems of the fit", choose)),
        ),
      result && !running && results(state),
      !result && !running && !failure && h("div", { class: "cs-empty", style: "padding-top: 48px" }, h("p", {}, "Estimates, standard errors and random effects appear here.")),
    );
  }

  const view = live(model, el, draw);
  model.on("result", () => {
    result = JSON.parse(model.result);
    search = "";
    sort = null;
    all = false;
    view.redraw();
  });
}
