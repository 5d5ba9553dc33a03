// An expression of parameters while it is written.

/** The names that go on from the word at the end, all of them where there is no such word. */
export function offered(names: readonly string[], text: string): readonly string[] {
  const word = (/[^\s()+*=,]*$/.exec(text)?.[0] ?? "").toLowerCase();
  const fit = word ? names.filter((name) => name.toLowerCase().includes(word)) : [];
  return fit.length > 0 ? fit : names;
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
