// An expression of parameters while it is written.

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

/** What might be written, of these parameters. */
export function example(names: readonly string[]): string {
  const [first, last] = [names[0], names.at(-1)];
  if (first === undefined) return "";
  return names.length < 2 ? `sqrt(${first})` : `h2 = ${first} / (${first} + ${last})`;
}
