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
  node.textContent = symbol;
  if (!address) return;
  loadKatex(address)
    .then((engine) => {
      if (node.__formula !== formula) return;
      engine.render(formula, node, { output: "mathml", displayMode: true, throwOnError: true });
    })
    .catch(() => {
      node.textContent = symbol;
    });
}
