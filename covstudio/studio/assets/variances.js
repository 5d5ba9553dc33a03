// Variance components with their profile likelihoods, and tests of the terms they belong to: what takes refits is asked for here.

const MANY = 12; // more rows than this scroll in a window of their own
const CURVE = { width: 300, height: 72, top: 6, floor: 62 };

function varianceSections(send, redraw) {
  const opened = new Set(); // parameters whose curve is shown
  let pressed = null; // the button that asked, to keep the keyboard's place

  function ask(kind, name) {
    pressed = name ?? null;
    if (kind === "profile" && name) opened.add(name);
    send(kind, name ? { name } : {});
  }

  /** What is under way, with a way to stop it. */
  function progress(questions, kind, verb, unit) {
    const busy = questions.busy;
    if (busy?.kind !== kind) return questions.failure && questions.kind === kind ? h("div", { class: "cs-notice cs-notice--problem", role: "alert" }, questions.failure) : null;
    const place = busy.names.length > 1 ? ` (${busy.done + 1} of ${busy.names.length})` : "";
    const text = busy.stopping ? "Cancelling…" : busy.name ? `${verb} ${busy.name}${place}, ${busy.count} ${unit}${busy.count === 1 ? "" : "s"}` : "Preparing…";
    return h(
      "div",
      { class: "progress-line asked", role: "status", key: "asked" },
      h("span", { class: "cs-spinner" }),
      h("span", { class: "cs-grow" }, text),
      h("button", { type: "button", class: "cs-button cs-button--small", disabled: busy.stopping, "aria-label": `Cancel ${verb.toLowerCase()}`, onclick: () => send("stop") }, "Cancel"),
    );
  }

  function askAll(questions, kind, names, label) {
    return names.length > 1 && h("button", { type: "button", class: "cs-button cs-button--small", disabled: questions.busy !== null, onclick: () => ask(kind) }, label);
  }

  // ---- profiles ----

  /** The fall of the log-likelihood from its maximum, with the cut-off of the interval and the Wald interval for comparison. */
  function drawn(profile, cut, wald, name) {
    const points = profile.curve;
    const ends = [numeric(profile.lower), numeric(profile.upper)];
    if (points.length < 2) return null;
    const margin = 0.08 * (points.at(-1)[0] - points[0][0]); // room for the labels under the ends
    const from = points[0][0] - margin;
    const span = points.at(-1)[0] + margin - from || 1;
    const deepest = Math.max(cut * 1.2, ...points.map((point) => -point[1]));
    const across = (value) => ((value - from) / span) * CURVE.width;
    const clamped = (value) => Math.min(Math.max(across(value), 0), CURVE.width);
    const down = (fall) => CURVE.top + (-fall / deepest) * (CURVE.floor - CURVE.top);
    const path = (list) => list.map(([value, fall], i) => `${i ? "L" : "M"}${clamped(value).toFixed(2)} ${down(fall).toFixed(2)}`).join("");
    const inside = points.filter(([value, fall]) => fall >= -cut && value >= ends[0] && value <= ends[1]);
    const whole = [[ends[0], profile.open[0] ? points[0][1] : -cut], ...inside, [ends[1], profile.open[1] ? points.at(-1)[1] : -cut]];
    const steep = profile.estimate - ends[0] < ends[1] - profile.estimate ? "left" : "right"; // the side where the curve leaves room
    const line = (kind, x1, y1, x2, y2) => h("line", { class: kind, x1: x1.toFixed(2), y1: y1.toFixed(2), x2: x2.toFixed(2), y2: y2.toFixed(2) });
    return h(
      "figure",
      { class: "profile" },
      h(
        "svg",
        { viewBox: `0 0 ${CURVE.width} ${CURVE.height}`, preserveAspectRatio: "none", role: "img", "aria-label": `Profile log-likelihood of ${name}, above the 95 % cut-off from ${digits(ends[0])} to ${digits(ends[1])}` },
        h("path", { class: "inside", d: `${path(whole)}L${clamped(ends[1]).toFixed(2)} ${CURVE.floor}L${clamped(ends[0]).toFixed(2)} ${CURVE.floor}Z` }),
        line("floor", 0, CURVE.floor, CURVE.width, CURVE.floor),
        line("cut", 0, down(-cut), CURVE.width, down(-cut)),
        line("estimate", across(profile.estimate), CURVE.top, across(profile.estimate), CURVE.floor),
        h("path", { class: "curve", d: path(points) }),
        wald && line("wald", clamped(wald[0]), CURVE.floor + 6, clamped(wald[1]), CURVE.floor + 6),
      ),
      h("span", { class: "cut-label", style: `${steep}: 0; top: ${(down(-cut) - 1).toFixed(1)}px`, "aria-hidden": "true" }, "95 %"),
      h(
        "figcaption",
        {},
        ends.map((end, i) => h("span", { class: i ? "upper" : "lower", style: `left: ${Math.min((clamped(end) / CURVE.width) * 100, 97).toFixed(1)}%` }, profile.open[i] && Number.isFinite(end) ? `${digits(end)}, open` : digits(end))),
      ),
    );
  }

  /** The second line of an interval: the profile's, the way to it, or how far it is. */
  function byProfile(questions, name) {
    const profile = questions.profiles[name];
    const busy = questions.busy;
    const keep = (node) => {
      // The button that asked is gone, and with it the keyboard's place, unless the person is elsewhere by now.
      if (pressed !== name) return;
      pressed = null;
      if (document.activeElement === document.body) queueMicrotask(() => node.focus({ preventScroll: true })); // once it is in its place
    };
    if (profile) {
      const open = opened.has(name);
      const toggle = () => {
        if (open) opened.delete(name);
        else opened.add(name);
        redraw();
      };
      const text = interval(profile.lower, profile.upper);
      return h("button", { type: "button", key: "profile", class: `cs-link fold${open ? " fold--open" : ""}`, "aria-expanded": String(open), "aria-label": `Profile interval of ${name}: ${text}`, ref: keep, onclick: toggle }, text);
    }
    if (busy?.kind === "profile" && busy.names.includes(name)) return h("span", { class: "cs-muted", key: "waiting" }, busy.name === name ? `refit ${busy.count}` : "waiting");
    if (!questions.parameters.includes(name)) return null;
    return h("button", { type: "button", key: "ask", class: "cs-link", disabled: busy !== null, "aria-label": `Profile ${name}`, onclick: () => ask("profile", name) }, "Profile");
  }

  function components(result, questions, note) {
    const table = result.tables.variance_components;
    if (!table?.total) return null;
    const rows = table.rows.map((row) => Object.fromEntries(table.columns.map((name, i) => [name, row[i]])));
    const left = questions.parameters.filter((name) => !questions.profiles[name]);
    const heading = (first, second) => h("th", { scope: "col", class: "cs-number" }, first, second && h("div", { class: "under" }, second));
    const number = (value, error) => {
      const decimals = decimalsFor(error);
      return decimals === null ? fixed(value) : fixed(value, Math.min(decimals + 2, 8));
    };
    const line = (row) => {
      const name = row.parameter;
      const profile = questions.profiles[name];
      const trouble = questions.troubles[name];
      const wald = row.lower === null ? null : [numeric(row.lower), numeric(row.upper)];
      const more = trouble || (profile && opened.has(name));
      return [
        h(
          "tr",
          { key: name, class: more ? "with-more" : undefined },
          h("td", {}, breakable(name)),
          stacked(number(row.estimate, row.standard_error), row.status && h("span", { class: "status" }, row.status), short(row.estimate, 10)),
          h("td", { class: "cs-number", title: row.standard_error === null ? undefined : short(row.standard_error, 10) }, row.standard_error === null ? h("span", { class: "cs-muted" }, "–") : number(row.standard_error, row.standard_error)),
          stacked(wald ? interval(...wald) : h("span", { class: "cs-muted" }, "–"), byProfile(questions, name)),
        ),
        more &&
          h(
            "tr",
            { key: `${name} more`, class: "more" },
            h("td", { colspan: "4" }, trouble ? h("div", { class: "cs-error" }, trouble) : [drawn(profile, questions.cut, wald, name), profile.notes.map((text) => h("div", { class: "cs-note" }, text))]),
          ),
      ];
    };
    return h(
      "section",
      { class: "section", "aria-label": TITLES.variance_components, key: "variance_components" },
      h("div", { class: "section-head" }, h("h3", {}, TITLES.variance_components), askAll(questions, "profile", left, "Profile all"), csvButton(send, "variance_components")),
      h(
        "div",
        { class: `wide-table ${rows.length > MANY ? "roomy" : "whole"}`, role: "group", "aria-label": `${TITLES.variance_components} table`, tabindex: "0" },
        h(
          "table",
          { class: "cs-table effects" },
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, HEADS.parameter), heading(HEADS.estimate), heading(HEADS.standard_error), heading(HEADS.interval, questions.parameters.length > 0 && "by profile"))),
          h("tbody", {}, rows.map(line)),
        ),
      ),
      progress(questions, "profile", "Profiling", "refit"),
      note && h("p", { class: "facts" }, note),
      questions.parameters.length > 0 && h("p", { class: "facts" }, opened.size && left.length < questions.parameters.length ? "Curve: the log-likelihood with all else fitted again; the interval ends where it has fallen by 1.92. Grey: the Wald interval." : "A profile fits all other parameters again along one: its interval needs no scale and holds at a boundary."),
    );
  }

  // ---- terms ----

  function omission(questions, name) {
    const found = questions.omissions[name];
    const busy = questions.busy;
    if (found?.trouble) return [h("td", {}, breakable(name)), h("td", { colspan: "2" }, h("div", { class: "cs-error" }, found.trouble))];
    if (found)
      return [
        h("td", {}, breakable(name), h("div", { class: "under" }, `log-likelihood without it ${fixed(found.loglik, 2)}`), found.note && h("div", { class: "under" }, found.note)),
        stacked(fixed(found.statistic, 2), found.mixture),
        cell(numeric(found.p), "p"),
      ];
    const mine = busy?.kind === "omit" && busy.names.includes(name);
    return [
      h("td", {}, breakable(name)),
      h("td", { class: "cs-number" }, h("span", { class: "cs-muted" }, "–")),
      h("td", { class: "cs-number" }, mine ? h("span", { class: "cs-muted" }, busy.name === name ? "fitting" : "waiting") : h("button", { type: "button", class: "cs-link", disabled: busy !== null, "aria-label": `Test ${name}`, onclick: () => ask("omit", name) }, "Test")),
    ];
  }

  function terms(questions) {
    if (!questions.terms.length) return null;
    const left = questions.terms.filter((name) => !questions.omissions[name]);
    return h(
      "section",
      { class: "section", "aria-label": TITLES.variance_tests, key: "variance_tests" },
      h("div", { class: "section-head" }, h("h3", {}, TITLES.variance_tests), askAll(questions, "omit", left, "Test all"), left.length < questions.terms.length && csvButton(send, "variance_tests")),
      h(
        "div",
        { class: "wide-table", role: "group", "aria-label": `${TITLES.variance_tests} table`, tabindex: "0" },
        h(
          "table",
          { class: "cs-table effects" },
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Term of V"), h("th", { scope: "col", class: "cs-number" }, "LR", h("div", { class: "under" }, "against")), h("th", { scope: "col", class: "cs-number" }, "p"))),
          h("tbody", {}, questions.terms.map((name) => h("tr", { key: name }, omission(questions, name)))),
        ),
      ),
      progress(questions, "omit", "Fitting without", "iteration"),
      h("p", { class: "facts" }, "Likelihood-ratio test of V against V without the term. A variance is then zero, at the end of its range, so p comes from a mixture of chi-squares."),
    );
  }

  return {
    components,
    terms,
    reset() {
      opened.clear();
      pressed = null;
    },
  };
}
