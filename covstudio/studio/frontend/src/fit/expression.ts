// An expression of parameters while it is written.

interface Word {
  word: string;
  name: string;
}

/** The parameters that the word at the end may become, all of them where there is no such word. */
export function offered<Known extends { word: string; name: string }>(
  all: readonly Known[],
  text: string,
): readonly Known[] {
  const begun = (/[^\s()+*=,]*$/.exec(text)?.[0] ?? "").toLowerCase();
  const fit = begun ? all.filter(({ word, name }) => `${word} ${name}`.toLowerCase().includes(begun)) : [];
  return fit.length > 0 ? fit : all;
}

/** A name put in place of what is selected, apart from the word before, and where the caret stands then. */
export function inserted(
  text: string,
  name: string,
  start: number,
  end: number,
): { text: string; caret: number } {
  const before = text.slice(0, start);
  const gap = before && !/[\s(]$/.test(before) ? " " : "";
  const upTo = `${before}${gap}${name}`;
  return { text: upTo + text.slice(end), caret: upTo.length };
}

/**
 * What might be written, of these parameters: a share where two of them are variances, the correlation where they are what a
 * covariance of two effects is the product of.
 */
export function example(words: readonly Word[]): string {
  const [first, ...others] = words.filter(({ name }) => name.endsWith("σ²"));
  const last = others.at(-1);
  if (first && last) return `h2 = ${first.word} / (${first.word} + ${last.word})`;
  const factor = (name: string) => words.find((one) => one.name.endsWith(name))?.word;
  const [across, down] = [factor("L₁₀"), factor("L₁₁")];
  if (across && down) return `r = ${across} / sqrt(${across}**2 + ${down}**2)`;
  const some = first ?? words[0];
  return some === undefined ? "" : `sqrt(${some.word})`;
}
