// Colours a program by its tokens: one pass, no library, because every exporter names its own keywords.

export interface Piece {
  kind: "string" | "comment" | "number" | "keyword" | "call" | null;
  text: string;
}

const TOKENS =
  /("""[\s\S]*?"""|'''[\s\S]*?''')|(#[^\n]*)|([rbfu]{0,2}"(?:\\.|[^"\\\n])*"|[rbfu]{0,2}'(?:\\.|[^'\\\n])*')|(\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b)|([A-Za-z_]\w*)/gi;

/** The program in pieces that together are the program. */
export function pieces(code: string, keywords: Iterable<string>): Piece[] {
  const words = new Set(keywords);
  const parts: Piece[] = [];
  let last = 0;
  for (const match of code.matchAll(TOKENS)) {
    if (match.index > last) parts.push({ kind: null, text: code.slice(last, match.index) });
    const [text, long, comment, string, number, word] = match;
    last = match.index + text.length;
    let kind: Piece["kind"] = null;
    if (long || string) kind = "string";
    else if (comment) kind = "comment";
    else if (number) kind = "number";
    else if (word && words.has(word)) kind = "keyword";
    else if (code[last] === "(") kind = "call";
    parts.push({ kind, text });
  }
  if (last < code.length) parts.push({ kind: null, text: code.slice(last) });
  return parts;
}
