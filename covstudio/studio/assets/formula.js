// Formulas, drawn as MathML by the KaTeX that Panel ships; the short unicode form stands there until then, and where there is none.

/** The engine, loaded once for all views of the page. */
function loadKatex(address) {
  window.covstudioKatex ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(window.katex);
    script.onerror = reject;
    document.head.append(script);
  });
  return window.covstudioKatex;
}

/** Draw `formula` into `node`, which belongs to this function: {formula: LaTeX, symbol: its short form, katex: an address or null}. */
function drawFormula(node, { formula, symbol, katex: address }) {
  if (node.__formula === formula) return;
  node.__formula = formula;
  node.style.fontSize = "";
  node.textContent = symbol;
  if (!address) return;
  loadKatex(address)
    .then((engine) => {
      if (node.__formula !== formula) return;
      const render = (text, into) => engine.render(text, into, { output: "mathml", displayMode: true, throwOnError: true });
      render(formula, node);
      const lines = clauses(formula);
      if (node.scrollWidth > node.clientWidth && lines.length > 1) {
        node.replaceChildren(...lines.map(() => document.createElement("div")));
        lines.forEach((line, index) => render(line, node.children[index]));
      }
      fit(node);
    })
    .catch(() => {
      node.textContent = symbol;
    });
}

/** The parts of a formula between wide spaces that stand outside of all brackets: they may have lines of their own. */
function clauses(formula) {
  const parts = [""];
  let depth = 0;
  for (const piece of formula.split(/(\\quad|\\left|\\right|\\[{}]|[{}])/)) {
    if (piece === "{" || piece === "\\left") depth += 1;
    if (piece === "}" || piece === "\\right") depth -= 1;
    if (piece === "\\quad" && depth === 0) parts.push("");
    else parts[parts.length - 1] += piece;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** A long formula is set smaller, down to what can be read; what is longer still can be scrolled. */
function fit(node) {
  const share = node.clientWidth / node.scrollWidth;
  if (!(share < 1)) return;
  const size = Number.parseFloat(getComputedStyle(node).fontSize);
  node.style.fontSize = `${Math.max(size * share * 0.98, 9.5)}px`;
}
