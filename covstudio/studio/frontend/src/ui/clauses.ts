/** The parts of a formula between wide spaces that stand outside of all brackets: they may have lines of their own. */
export function clauses(formula: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (const piece of formula.split(/(\\quad|\\left|\\right|\\[{}]|[{}])/)) {
    if (piece === "{" || piece === "\\left") depth += 1;
    if (piece === "}" || piece === "\\right") depth -= 1;
    if (piece === "\\quad" && depth === 0) {
      parts.push(part);
      part = "";
    } else part += piece;
  }
  return [...parts, part].map((one) => one.trim()).filter((one) => one !== "");
}
