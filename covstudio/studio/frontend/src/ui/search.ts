// Finding a structure by any name it has anywhere: pure functions, without a page.

export interface Alias {
  system: string;
  name: string;
}

/** What can be found. */
export interface Named {
  title: string;
  summary: string;
  category: string;
  /** The name of a structure's class; nothing for what is no structure. */
  kind?: string;
  symbol?: string;
  systems?: string[];
  aliases?: Alias[];
  /** What people look for it by who know none of its names: "random intercept". */
  keywords?: string[];
}

export interface Hit<E extends Named> {
  entry: E;
  /** The smaller the better. */
  score: number;
  /** The other system's name that answered. */
  via: Alias | null;
}

interface Words {
  title: string;
  kind: string;
  short: string;
  symbol: string;
  about: string;
  keywords: string[];
  systems: string[];
  aliases: { alias: Alias; system: string; whole: string; head: string; family: string; text: string }[];
}

const GREEK: Record<string, string> = {
  α: "alpha",
  β: "beta",
  γ: "gamma",
  δ: "delta",
  ε: "epsilon",
  θ: "theta",
  κ: "kappa",
  λ: "lambda",
  μ: "mu",
  ν: "nu",
  π: "pi",
  ρ: "rho",
  σ: "sigma",
  τ: "tau",
  φ: "phi",
  ψ: "psi",
  ω: "omega",
};

/** Lower case, Greek letters by their names, without accents and punctuation: "AR(1)" and "ar1" are the same word. */
function fold(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[α-ω]/g, (letter) => GREEK[letter] ?? letter)
    .replace(/[^a-z0-9α-ω ]/g, "")
    .trim();
}

/** What a symbol says in words: its letters, and that σ² is a variance. */
const inWords = (symbol: string) =>
  `${squeeze(fold(symbol))}${symbol.includes("σ²") ? " variance sigma2" : ""}`;

const squeeze = (text: string) => text.replaceAll(" ", "");

/** A name without what stands in brackets: "TOEPH(q)" and "TOEPH(3)" are "toeph"; "vm(., K)" is "vm". */
const head = (text: string) => squeeze(fold(text.replace(/[([{].*$/s, "")));

/** A name without its order: "fa2", "FA(2)" and "fa" are "fa"; but a single letter with a number, such as "c1", stays. */
function family(text: string): string {
  const bare = head(text);
  const stem = bare.replace(/\d+$/, "");
  return stem.length > 1 ? stem : bare;
}

const spelled = new WeakMap<Named, Words>();

/** The names of an entry, folded once: what a query is compared with. */
function wordsOf(entry: Named): Words {
  const known = spelled.get(entry);
  if (known) return known;
  const kind = fold(entry.kind ?? "");
  const words = {
    title: fold(entry.title),
    kind,
    short: kind.replace(/matrix$/, ""),
    symbol: squeeze(fold(entry.symbol ?? "")),
    about: [
      ...[entry.summary, entry.category, ...(entry.keywords ?? [])].map(fold),
      inWords(entry.symbol ?? ""),
    ].join(" "),
    keywords: (entry.keywords ?? []).map(fold),
    systems: (entry.systems ?? []).map(fold),
    aliases: (entry.aliases ?? []).map((alias) => ({
      alias,
      system: fold(alias.system),
      whole: squeeze(fold(alias.name)),
      head: head(alias.name),
      family: family(alias.name),
      text: fold(alias.name),
    })),
  };
  spelled.set(entry, words);
  return words;
}

/** The system that a query begins with ("sas toep" asks for a name in SAS), folded, or null; and the rest of the query. */
function ofSystem(query: string, systems: string[]): [string | null, string] {
  const asked = query.trim();
  for (const system of systems) {
    const rest = asked.slice(system.length);
    if (fold(asked.slice(0, system.length)) !== fold(system) || !/^(\s|$)/.test(rest)) continue;
    return [fold(system), rest.trim()];
  }
  return [null, asked];
}

function begins(text: string, whole: string): boolean {
  const words = text.split(" ");
  return (
    text.startsWith(whole) || whole.split(/\s+/).every((word) => words.some((part) => part.startsWith(word)))
  );
}

/** A query without letters and digits, such as ":" or "⊗": a name that is nothing else, or a part of the symbol. */
function bySign(entry: Named, sign: string, aliases: Words["aliases"]): Omit<Hit<Named>, "entry"> | null {
  const named = aliases.find(({ alias }) => alias.name === sign);
  if (named) return { score: 1, via: named.alias };
  return entry.symbol?.includes(sign) ? { score: 6, via: null } : null;
}

/**
 * How well an entry answers a query, or null when it does not. Exact names and keywords come first, then names with another order or
 * argument ("fa2" for "fa"), then beginnings, then parts, then words of the summary.
 */
function match(entry: Named, query: string, systems: string[]): Omit<Hit<Named>, "entry"> | null {
  const [system, rest] = ofSystem(query, systems);
  const words = wordsOf(entry);
  const aliases = system === null ? words.aliases : words.aliases.filter((one) => one.system === system);
  if (system !== null && rest === "") return aliases[0] ? { score: 1, via: aliases[0].alias } : null;
  if (!rest) return { score: 0, via: null };
  const whole = fold(rest);
  if (!whole) return bySign(entry, rest, aliases);
  const own = system === null || words.systems.includes(system); // its own names count: it is called so there too, or nobody asked
  const tight = squeeze(whole);
  const stem = family(rest);
  const parts = whole.split(/\s+/);
  const all = `${words.title} ${words.about}`;
  const itself = (holds: boolean) => (holds ? null : undefined);
  const alias = (test: (one: Words["aliases"][number]) => boolean) => aliases.find(test)?.alias;
  /** Each gives the name that answered, null for the entry's own, undefined for none. */
  const tries: (() => Alias | null | undefined)[] = [
    () => itself(own && squeeze(words.title) === tight),
    () => alias((one) => one.whole === tight),
    () => itself(own && (words.kind === tight || words.short === tight)),
    () => itself(system === null && words.keywords.some((word) => squeeze(word) === tight)),
    () => (head(rest).length > 1 ? alias((one) => one.head === head(rest)) : undefined),
    () => (stem.length > 1 ? alias((one) => one.head === stem) : undefined),
    () => (stem.length > 1 ? alias((one) => one.family === stem) : undefined),
    () => itself(system === null && (begins(words.title, whole) || words.kind.startsWith(tight))),
    () => itself(system === null && tight.length > 2 && words.keywords.some((word) => begins(word, whole))),
    () => alias((one) => one.whole.startsWith(tight)),
  ];
  if (tight.length > 1) {
    const names = [words.title, words.kind, words.symbol];
    tries.push(
      () => itself(system === null && names.some((name) => squeeze(name).includes(tight))),
      () => (tight.length > 2 ? alias((one) => one.whole.includes(tight)) : undefined),
    );
  }
  if (tight.length > 2 && system === null) {
    tries.push(
      () => itself(parts.every((part) => all.includes(part))),
      () => alias((one) => parts.every((part) => `${one.system} ${one.text} ${all}`.includes(part))),
    );
  }
  for (const [score, attempt] of tries.entries()) {
    const via = attempt();
    if (via !== undefined) return { score, via };
  }
  return null;
}

/** The entries that answer a query, best first; without a query all of them, in their order. */
export function find<E extends Named>(entries: readonly E[], query: string): Hit<E>[] {
  const systems = [...new Set(entries.flatMap((entry) => entry.systems ?? []))].sort(
    (a, b) => b.length - a.length,
  );
  const hits = entries.flatMap((entry, order) => {
    const hit = match(entry, query, systems);
    return hit ? [{ entry, order, ...hit }] : [];
  });
  if (query) hits.sort((a, b) => a.score - b.score || a.order - b.order);
  return hits;
}
