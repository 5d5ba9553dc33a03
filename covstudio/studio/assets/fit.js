// The fit view. While a fit runs it draws each iteration as it arrives; afterwards the tables, which the person can sort, search
// and download (results.js), and what the person derives from them (derived.js).

const METHODS = {
  REML: { title: "REML", note: "Variances allow for the fixed effects being estimated." },
  ML: { title: "ML", note: "To compare fixed effects; variances come out small." },
};
const DEGREES = {
  satterthwaite: { title: "Satterthwaite", note: "Approximate degrees of freedom; the usual choice." },
  "kenward-roger": { title: "Kenward-Roger", note: "Corrects standard errors too; for small samples." },
  "kenward-roger-observed": { title: "Kenward-Roger, observed", note: "By the observed information, as SAS has it." },
};
const BY_ML = {
  satterthwaite: { ...DEGREES.satterthwaite, note: "Kenward-Roger is for REML." },
  "kenward-roger": { ...DEGREES["kenward-roger"], closed: true },
  "kenward-roger-observed": { ...DEGREES["kenward-roger-observed"], closed: true },
};

export function render({ model, el }) {
  let result = JSON.parse(model.result);
  const send = (type, content = {}) => model.send_msg({ type, ...content });
  const redraw = () => view.redraw();
  const derived = derivedQuantities(send, redraw);
  const tables = resultTables(send, redraw);
  let formulaField = null;
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
          ref: (node) => {
            formulaField = node;
          },
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
          dependent(formula, running),
          formula.columns.length > 0 && !formula.error && h("div", { class: "cs-note" }, `Columns: ${formula.columns.join(", ")}. Join with +, cross with : or *.`),
        ),
      ),
      h("div", { class: "choices" }, choice("method", "Method", METHODS, state.method, running), choice("degrees", "Tests", state.method === "ML" ? BY_ML : DEGREES, state.degrees, running)),
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
      state.outlook && !running && !state.reason && outlook(state.outlook),
      !running && problemList(state.problems, "Problems", choose),
      state.notes.map((note) => h("div", { class: "cs-notice" }, note)),
    );
  }

  /** One of a few ways to fit: a row of buttons, and a line about the one that is chosen. */
  function choice(type, label, options, chosen, running) {
    const names = Object.keys(options);
    const pick = (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const open = [...event.currentTarget.parentNode.children].filter((button) => !button.disabled);
      const next = open[(open.indexOf(event.currentTarget) + step + open.length) % open.length];
      next.focus();
      next.click();
    };
    return h(
      "div",
      { class: "choice", key: type },
      h("span", { class: "cs-label", id: `${type}-label` }, label),
      h(
        "div",
        { class: "modes", role: "radiogroup", "aria-labelledby": `${type}-label`, "aria-describedby": `${type}-note` },
        names.map((name) =>
          h(
            "button",
            {
              type: "button",
              role: "radio",
              key: name,
              class: "cs-focusable",
              "aria-checked": String(chosen === name),
              tabindex: chosen === name ? "0" : "-1",
              disabled: running || options[name].closed,
              onclick: () => send(type, { [type]: name }),
              onkeydown: pick,
            },
            options[name].title,
          ),
        ),
      ),
      h("span", { class: "cs-note", id: `${type}-note` }, options[chosen].note),
    );
  }

  /** What becomes of columns of X that depend on others. */
  function dependent(formula, running) {
    if (formula.dependent) {
      const leaveOut = () => {
        formulaField.focus(); // this button is gone in a moment
        send("leave-out");
      };
      return h("button", { type: "button", key: "leave-out", class: "cs-button cs-button--small leave-out", disabled: running, onclick: leaveOut }, "Leave out dependent columns");
    }
    if (!formula.drop || formula.error) return null;
    const said = formula.left_out.length ? `Left out, depending on others: ${formula.left_out.join(", ")}. ` : "Columns that depend on others are left out; there are none. ";
    return h("div", { class: "cs-note", key: "left-out" }, said, h("button", { type: "button", class: "cs-link", disabled: running, onclick: () => send("keep") }, "Keep all columns"));
  }

  // One quiet line, which opens to the reasons.
  function outlook(found) {
    return h(
      "details",
      { class: "history outlook", key: "outlook" },
      h("summary", {}, `${found.engine}: ${found.cost}`),
      h("p", { class: "facts" }, found.why),
      found.others.length > 0 && h("ul", { class: "facts", "aria-label": "Other engines" }, found.others.map((text) => h("li", {}, text))),
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

  function history(steps) {
    return h("details", { class: "history" }, h("summary", {}, "Iterations"), spark(steps), iterations(steps));
  }

  function progress(state) {
    const last = state.steps.at(-1);
    const text = {
      starting: "Starting a worker…",
      waiting: state.ahead ? `Waiting for a free worker, ${state.ahead} ahead…` : "Waiting for a free worker…",
      running: last ? `Iteration ${last.number}, log-likelihood ${fixed(last.loglik)}` : "Preparing the data…",
      inferring: "Estimates found; intervals and tests…",
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
      result && !running && tables.draw(result, state, state.steps.length > 0 && history(state.steps), derived.draw(state.derived, result.summary.parameters)),
      !result && !running && !failure && h("div", { class: "cs-empty", style: "padding-top: 48px" }, h("p", {}, "Estimates, standard errors and random effects appear here.")),
    );
  }

  const view = live(model, el, draw);
  model.on("result", () => {
    result = JSON.parse(model.result);
    tables.reset();
    redraw();
  });
}
