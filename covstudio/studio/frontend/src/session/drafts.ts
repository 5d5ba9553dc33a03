// Drafts in this browser's own storage: of each its head (what it is, when it was kept, its picture) and its parts, which are
// named by their content and written once.

import { createStore, delMany, get, getMany, keys, setMany, type UseStore } from "idb-keyval";
import type { Draft } from "./messages";

/** So many drafts are kept; the oldest that no open tab has goes first. */
export const MOST = 10;

export interface Head {
  id: string;
  title: string;
  /** Milliseconds since 1970. */
  saved: number;
  /** A picture of the work, as an address that holds it, or null. */
  picture: string | null;
  draft: Draft;
}

type Key = [draft: string, part: string];
type Bytes = Uint8Array<ArrayBuffer>;
/** The part that is the head: no part has this name. */
const HEAD = "";

let opened: UseStore | null = null;
function store(): UseStore {
  opened ??= createStore("covstudio", "drafts");
  return opened;
}

/** The parts that a draft is made of. */
export function partsOf(draft: Draft): string[] {
  const steps = [...draft.past, ...draft.future, ...draft.tables].map(({ part }) => part);
  const fit = draft.fit ? [draft.fit.part, draft.fit.document] : [];
  return [...new Set([draft.present, ...steps, ...draft.nodes, ...fit])];
}

/** Keep a draft in place of what was kept under its id, all or nothing. */
export async function keep(head: Head, fresh: ReadonlyMap<string, Bytes>, gone: string[]): Promise<void> {
  const parts = [...fresh].map(([part, data]): [Key, Bytes] => [[head.id, part], data]);
  await setMany([...parts, [[head.id, HEAD], head]], store());
  if (gone.length > 0)
    await delMany(
      gone.map((part): Key => [head.id, part]),
      store(),
    );
}

/** The names of the parts that are there of a draft. */
export async function partsKept(id: string): Promise<string[]> {
  const all = await keys<Key>(store());
  return all.filter(([of, part]) => of === id && part !== HEAD).map(([, part]) => part);
}

export async function headOf(id: string): Promise<Head | null> {
  return (await get<Head>([id, HEAD], store())) ?? null;
}

/** All drafts, the latest first. */
export async function list(): Promise<Head[]> {
  const heads = (await keys<Key>(store())).filter(([, part]) => part === HEAD);
  const found = await getMany<Head>(heads, store());
  return found.filter((head) => head !== undefined).sort((one, other) => other.saved - one.saved);
}

/** Forget drafts with all their parts. */
export async function forget(ids: Iterable<string>): Promise<void> {
  const wanted = new Set(ids);
  await delMany(
    (await keys<Key>(store())).filter(([id]) => wanted.has(id)),
    store(),
  );
}

/** Which drafts are too many: beyond the last ten, the oldest first, but none that is open. */
export function tooMany(heads: Head[], open: ReadonlySet<string>): string[] {
  const surplus = heads.length - MOST;
  const closed = heads.filter(({ id }) => !open.has(id)).reverse();
  return closed.slice(0, Math.max(surplus, 0)).map(({ id }) => id);
}

/** A draft as a file for the server: the length of what stands first, what the parts are, and the parts. */
export async function bundle(head: Head): Promise<File> {
  const names = partsOf(head.draft);
  const found = await getMany<Bytes>(
    names.map((part): Key => [head.id, part]),
    store(),
  );
  const parts = names.flatMap((name, at) => {
    const data = found[at];
    return data === undefined ? [] : [[name, data] as const];
  });
  const first = new TextEncoder().encode(
    JSON.stringify({ draft: head.draft, parts: parts.map(([name, data]) => [name, data.byteLength]) }),
  );
  const length = new DataView(new ArrayBuffer(8));
  length.setUint32(0, first.byteLength, true);
  return new File([length.buffer, first, ...parts.map(([, data]) => data)], head.title);
}

/** The same draft under another id; its parts are copied. */
export async function copy(head: Head, id: string): Promise<Head> {
  const names = partsOf(head.draft);
  const found = await getMany<Bytes>(
    names.map((part): Key => [head.id, part]),
    store(),
  );
  const fresh = new Map(names.flatMap((name, at) => (found[at] ? [[name, found[at]] as const] : [])));
  const other = { ...head, id };
  await keep(other, fresh, []);
  return other;
}
