// Effects to as many digits as their standard errors are worth. The table of fixed effects is narrow enough for a side panel: an
// interval stands under its estimate and degrees of freedom under t.

/** As many decimals as show three digits of the standard error. */
function decimalsFor(error) {
  const size = Math.abs(numeric(error));
  if (!(size > 0) || !Number.isFinite(size)) return null;
  return Math.min(Math.max(2 - Math.floor(Math.log10(size)), 0), 8);
}

/** A number to that many decimals; where there are none, or it is too long so, to a few digits. */
function rounded(number, decimals) {
  const value = numeric(number);
  if (value === null || decimals === null || Math.abs(value) >= 1e6) return short(number, 4);
  return fixed(value, decimals);
}

/** A cell to as many digits as the standard error is worth; all of them on hover. */
function roundedCell(value, error) {
  return value === null ? cell(null) : h("td", { class: "cs-number", title: short(value, 10) }, rounded(value, decimalsFor(error)));
}

/** A cell with a second, quieter line. */
function stacked(first, second, title) {
  return h("td", { class: "cs-number", title }, first, second && h("div", { class: "under" }, second));
}

function effectsTable(table, label) {
  const place = Object.fromEntries(table.columns.map((name, i) => [name, i]));
  const heading = (first, second) => h("th", { scope: "col", class: "cs-number" }, first, second && h("div", { class: "under" }, second));
  const tested = table.rows.some((row) => row[place.p] !== null);
  return h(
    "div",
    { class: "wide-table", role: "group", "aria-label": `${label} table`, tabindex: "0" },
    h(
      "table",
      { class: "cs-table effects" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, HEADS.effect), heading(HEADS.estimate, tested && HEADS.interval), heading(HEADS.standard_error), heading("t", tested && "df"), tested && heading("p"))),
      h(
        "tbody",
        {},
        table.rows.map((row) => {
          const { effect, estimate, standard_error: error, df, t, p, lower, upper } = Object.fromEntries(table.columns.map((name, i) => [name, row[i]]));
          const decimals = decimalsFor(error);
          const ends = lower === null ? null : `${rounded(lower, decimals)} to ${rounded(upper, decimals)}`;
          return h(
            "tr",
            { key: effect },
            h("td", {}, breakable(effect)),
            stacked(rounded(estimate, decimals), ends, short(estimate, 10)),
            roundedCell(error, error),
            stacked(fixed(t, 2), df !== null && degrees(numeric(df))),
            tested && cell(p, "p"),
          );
        }),
      ),
    ),
  );
}
