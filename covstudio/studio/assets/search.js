// Finding a structure by any name it has anywhere: pure functions, without a page.

/** Lower case, without accents and punctuation: "AR(1)" and "ar1" are the same word. */
function fold(text) {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9α-ω ]/g, "")
    .trim();
}

const squeeze = (text) => text.replaceAll(" ", "");

/** A name without what stands in brackets: "TOEPH(q)" and "TOEPH(3)" are "toeph"; "vm(., K)" is "vm". */
const head = (text) => squeeze(fold(text.replace(/[([{].*$/s, "")));

/** A name without its order: "fa2", "FA(2)" and "fa" are "fa"; but a single letter with a number, such as "c1", stays. */
function family(text) {
  const bare = head(text);
  const stem = bare.replace(/\d+$/, "");
  return stem.length > 1 ? stem : bare;
}

/** The names of an entry, folded once: what a query is compared with. */
function spelled(entry) {
  entry.words ??= {
    title: fold(entry.title),
    kind: fold(entry.kind),
    short: fold(entry.kind).replace(/matrix$/, ""),
    symbol: squeeze(fold(entry.symbol)),
    about: `${fold(entry.summary)} ${fold(entry.category)}`,
    systems: entry.systems.map(fold),
    aliases: entry.aliases.map((alias) => ({
      alias,
      system: fold(alias.system),
      whole: squeeze(fold(alias.name)),
      head: head(alias.name),
      family: family(alias.name),
      text: fold(alias.name),
    })),
  };
  return entry.words;
}

/** The systems that a query begins with ("sas toep" asks for a name in SAS): [their folded name or null, the rest of the query]. */
function ofSystem(query, systems) {
  const asked = query.trim();
  for (const system of systems) {
    const rest = asked.slice(system.length);
    if (fold(asked.slice(0, system.length)) !== fold(system) || !/^(\s|$)/.test(rest)) continue;
    return [fold(system), rest.trim()];
  }
  return [null, asked];
}

/**
 * How well an entry answers a query: {score, via}, the smaller the better, or null when it does not. `via` is the other system's
 * name that answered. Exact names come first, then names with another order or argument ("fa2" for "fa"), then beginnings, then
 * parts, then words of the summary.
 */
function match(entry, query, systems = []) {
  const [system, rest] = ofSystem(query, systems);
  const words = spelled(entry);
  const aliases = system === null ? words.aliases : words.aliases.filter((one) => one.system === system);
  if (system !== null && rest === "") return aliases.length ? { score: 1, via: aliases[0].alias } : null;
  if (!rest) return { score: 0, via: null };
  const whole = fold(rest);
  if (!whole) return bySign(entry, rest, aliases);
  const own = system === null || words.systems.includes(system); // its own names count: it is called so there too, or nobody asked
  const tight = squeeze(whole);
  const alias = (test) => {
    const found = aliases.find(test);
    return found && found.alias;
  };
  const stem = family(rest);
  const tries = [
    () => own && squeeze(words.title) === tight && { via: null },
    () => alias((one) => one.whole === tight),
    () => own && (words.kind === tight || words.short === tight) && { via: null },
    () => head(rest).length > 1 && alias((one) => one.head === head(rest)),
    () => stem.length > 1 && alias((one) => one.head === stem),
    () => stem.length > 1 && alias((one) => one.family === stem),
    () => system === null && (begins(words.title, whole) || words.kind.startsWith(tight)) && { via: null },
    () => alias((one) => one.whole.startsWith(tight)),
  ];
  if (tight.length > 1) {
    tries.push(
      () => system === null && [words.title, words.kind, words.symbol].some((name) => squeeze(name).includes(tight)) && { via: null },
      () => tight.length > 2 && alias((one) => one.whole.includes(tight)),
    );
  }
  if (tight.length > 2 && system === null) {
    const parts = whole.split(/\s+/);
    const all = `${words.title} ${words.about}`;
    tries.push(() => parts.every((part) => all.includes(part)) && { via: null });
    const told = (one) => parts.every((part) => `${one.system} ${one.text} ${all}`.includes(part));
    tries.push(() => alias(told));
  }
  for (const [score, attempt] of tries.entries()) {
    const found = attempt();
    if (found) return { score, via: "via" in found ? found.via : found };
  }
  return null;
}

/** A query without letters and digits, such as ":" or "⊗": a name that is nothing else, or a part of the symbol. */
function bySign(entry, sign, aliases) {
  const named = aliases.find(({ alias }) => alias.name === sign);
  if (named) return { score: 1, via: named.alias };
  return entry.symbol.includes(sign) ? { score: 6, via: null } : null;
}

function begins(text, whole) {
  return text.startsWith(whole) || whole.split(/\s+/).every((word) => text.split(" ").some((part) => part.startsWith(word)));
}

/** The entries that answer a query, best first: [{entry, via, score}]; without a query all of them, in their order. */
function find(entries, query) {
  const systems = [...new Set(entries.flatMap((entry) => entry.systems))].sort((a, b) => b.length - a.length);
  const hits = [];
  entries.forEach((entry, order) => {
    const hit = match(entry, query, systems);
    if (hit) hits.push({ entry, order, ...hit });
  });
  if (query) hits.sort((a, b) => a.score - b.score || a.order - b.order);
  return hits;
}
