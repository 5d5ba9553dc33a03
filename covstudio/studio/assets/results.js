// The tables of a fit. `resultTables` keeps what the person searches and sorts by between drawings.

const ICONS = {
  download: "M8 2.5v8|M4.8 7.5 8 10.7l3.2-3.2|M2.5 13.5h11",
  remove: "M4.5 4.5l7 7|M11.5 4.5l-7 7",
};
const TITLES = {
  variance_components: "Variance components",
  fixed_effects: "Fixed effects",
  tests: "Tests of fixed effects",
  variance_tests: "Tests of terms of V",
  derived: "Derived quantities",
  blups: "Random effects (BLUPs)",
  fit: "Summary",
};
const HEADS = {
  standard_error: "SE",
  estimate: "Estimate",
  parameter: "Parameter",
  effect: "Effect",
  term: "Term",
  level: "Level",
  blup: "BLUP",
  reliability: "Reliability",
  status: "Note",
  interval: "95 % interval",
  den_df: "Den. df",
};
const FORMATS = {
  t: (value) => fixed(value, 2),
  F: (value) => fixed(value, 2),
  df: (value) => degrees(value),
  den_df: (value) => degrees(value),
  reliability: (value) => fixed(value, 3),
  p: (value) => (value < 0.001 ? "< 0.001" : fixed(value, 3)),
};
const SHOWN = 200;

const isNumber = (value) => typeof value === "number" || ["inf", "-inf", "nan"].includes(value);

function degrees(value) {
  if (!Number.isFinite(value) || value >= 1e4) return short(value, 3);
  return Number.isInteger(value) ? String(value) : fixed(value, 1);
}

/** Both ends of an interval as one text, to as many digits as tell them apart from the estimate. */
function interval(lower, upper) {
  if (lower === null || upper === null || lower === undefined) return null;
  return `${digits(lower)} to ${digits(upper)}`;
}

/** Three significant digits, trailing zeros kept, so that columns look alike. */
function digits(number) {
  const value = numeric(number);
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size >= 1e5 || size < 1e-4) return short(number, 3);
  return (size >= 100 ? value.toFixed(0) : value.toPrecision(3)).replace("-", "−");
}

function cell(value, name) {
  if (value === null || value === undefined) return h("td", { class: "cs-number" }, h("span", { class: "cs-muted" }, "–"));
  if (name === "interval") return h("td", { class: "cs-number" }, value);
  if (isNumber(value)) return h("td", { class: "cs-number" }, (FORMATS[name] ?? fixed)(value));
  if (name === "status") return h("td", {}, value && h("span", { class: "cs-badge" }, value));
  return h("td", { title: value }, breakable(value));
}

/** A name that may go on in the next line after each of its parts. */
function breakable(name) {
  return String(name)
    .split(/(?<=[:/⋈])/)
    .flatMap((part, i) => (i ? [h("wbr"), part] : [part]));
}

function head(name) {
  return HEADS[name] ?? name.replaceAll("_", " ");
}

function numericColumn(table, i) {
  return table.columns[i] === "interval" || (table.rows.length > 0 && table.rows.every((row) => row[i] === null || isNumber(row[i])));
}

/** The same table with both ends of its intervals in one column, and without columns that say nothing. */
function joined(whole) {
  const lower = whole.columns.indexOf("lower");
  const upper = whole.columns.indexOf("upper");
  let { columns, rows } = whole;
  if (lower >= 0) {
    const others = columns.map((name, i) => i).filter((i) => i !== lower && i !== upper);
    const at = others.filter((i) => i < lower).length;
    const place = (row, value) => [...others.slice(0, at).map((i) => row[i]), value, ...others.slice(at).map((i) => row[i])];
    rows = rows.map((row) => place(row, interval(row[lower], row[upper])));
    columns = place(columns, "interval");
  }
  const said = columns.map((name, i) => i).filter((i) => !["status", "interval", "df", "p"].includes(columns[i]) || rows.some((row) => row[i]));
  return { columns: said.map((i) => columns[i]), rows: rows.map((row) => said.map((i) => row[i])) };
}

function frame(whole, label) {
  const table = joined(whole);
  return h(
    "div",
    { class: "wide-table", role: "group", "aria-label": `${label} table`, tabindex: "0" },
    h(
      "table",
      { class: "cs-table" },
      h("thead", {}, h("tr", {}, table.columns.map((name, i) => h("th", { scope: "col", class: numericColumn(table, i) ? "cs-number" : "" }, head(name))))),
      h("tbody", {}, table.rows.map((row) => h("tr", {}, row.map((value, i) => cell(value, table.columns[i]))))),
    ),
  );
}

function csvButton(send, name) {
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

function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
}

function resultTables(send, redraw) {
  const variances = varianceSections(send, redraw);
  let search = "";
  let sort = null; // [column, ascending]
  let all = false;

  function section(tables, name, note) {
    const table = tables[name];
    if (!table || !table.total) return null;
    return h("section", { class: "section", "aria-label": TITLES[name], key: name }, h("div", { class: "section-head" }, h("h3", {}, TITLES[name]), csvButton(send, name)), name === "fixed_effects" ? effectsTable(table, TITLES[name]) : frame(table, TITLES[name]), note && h("p", { class: "facts" }, note));
  }

  function sortable(table, name, i) {
    const turned = sort?.[0] === i;
    return h(
      "th",
      { scope: "col", class: numericColumn(table, i) ? "cs-number" : "", "aria-sort": turned ? (sort[1] ? "ascending" : "descending") : "none" },
      h(
        "button",
        {
          type: "button",
          "aria-label": `Sort by ${head(name)}`,
          onclick: () => {
            sort = turned ? (sort[1] ? [i, false] : null) : [i, true];
            redraw();
          },
        },
        head(name),
        turned ? (sort[1] ? " ↑" : " ↓") : "",
      ),
    );
  }

  function blups(table) {
    if (!table || !table.total) return null;
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = table.rows.filter((row) => words.every((word) => row.some((value) => String(value).toLowerCase().includes(word))));
    if (sort) {
      const [column, up] = sort;
      rows = [...rows].sort((a, b) => (up ? 1 : -1) * compare(a[column], b[column]));
    }
    const error = table.columns.indexOf("standard_error");
    const shown = all ? rows : rows.slice(0, SHOWN);
    const showAll = () => {
      all = true;
      redraw();
    };
    return h(
      "section",
      { class: "section", "aria-label": TITLES.blups, key: "blups" },
      h("div", { class: "section-head" }, h("h3", {}, TITLES.blups), h("span", { class: "cs-badge" }, `${table.total.toLocaleString()}`), csvButton(send, "blups")),
      h("input", {
        type: "search",
        class: "cs-field",
        style: "margin: 2px 0 8px",
        placeholder: "Search terms and levels",
        "aria-label": "Search random effects",
        value: search,
        oninput: (event) => {
          search = event.target.value;
          redraw();
        },
      }),
      h(
        "div",
        { class: "wide-table tall", role: "region", "aria-label": "Random effects table", tabindex: "0" },
        h(
          "table",
          { class: "cs-table" },
          h("thead", {}, h("tr", {}, table.columns.map((name, i) => sortable(table, name, i)))),
          h("tbody", {}, shown.map((row) => h("tr", {}, row.map((value, i) => (["blup", "standard_error"].includes(table.columns[i]) ? roundedCell(value, row[error]) : cell(value, table.columns[i])))))),
        ),
        rows.length === 0 && h("div", { class: "cs-empty" }, "No random effect matches."),
      ),
      rows.length > shown.length && h("div", { class: "cs-note" }, `${shown.length} of ${rows.length.toLocaleString()} shown. `, h("button", { type: "button", class: "cs-link", onclick: showAll }, "Show all")),
      table.rows.length < table.total && h("div", { class: "cs-note" }, `The first ${table.rows.length.toLocaleString()} are listed; the csv file has all ${table.total.toLocaleString()}.`),
    );
  }

  function summary(s, history) {
    const { title, mood, text } = s.verdict;
    const metric = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    return h(
      "section",
      { class: "section", "aria-label": "Summary" },
      h(
        "div",
        { class: "section-head" },
        h("h3", {}, title),
        h("span", { class: `cs-badge cs-badge--${mood === "todo" ? "operator" : mood}` }, `${s.iterations} iteration${s.iterations === 1 ? "" : "s"}`),
        h("button", { type: "button", class: "cs-button cs-button--small", onclick: () => send("csv", { table: "all" }) }, icon(ICONS.download, 14), "Download all"),
      ),
      text && h("div", { class: `cs-notice cs-notice--${mood}`, role: "note", "aria-label": "Verdict" }, text),
      h("dl", { class: "metrics" }, metric("Log-likelihood", fixed(s.loglik, 4)), metric("AIC", fixed(s.aic, 4)), metric("BIC", fixed(s.bic, 4))),
      h("p", { class: "facts" }, `${s.method} on ${s.n.toLocaleString()} rows with ${s.p} fixed effect${s.p === 1 ? "" : "s"}, ${s.engine}, ${short(s.seconds, 2)} s. ${s.engine_reason}`),
      s.notes.map((note) => h("p", { class: "facts" }, note)),
      history,
    );
  }

  function draw(result, state, history, derived) {
    const s = result.summary;
    const stale = state.stale;
    const degreesOf = s.degrees && `${s.degrees} degrees of freedom.`;
    const contained = s.contained.length ? ` Not tested: ${s.contained.join(", ")}, contained in other terms.` : "";
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
        summary(s, history),
        variances.components(result, state.questions, s.information && `Standard errors from the ${s.information}; intervals on the log scale for variances, Fisher's z for correlations.`),
        variances.terms(state.questions),
        derived,
        section(result.tables, "fixed_effects", degreesOf && `t tests with ${degreesOf}`),
        section(result.tables, "tests", degreesOf && `Wald F tests with ${degreesOf}${contained}`),
        blups(result.tables.blups),
      ),
    );
  }

  return {
    draw,
    reset() {
      search = "";
      sort = null;
      all = false;
      variances.reset();
    },
  };
}
