// The last session's model, kept in this browser's own storage, to be offered when the page is opened again.

import { del, get, set } from "idb-keyval";

export interface Draft {
  text: string;
  title: string;
  saved: number;
}

const KEY = "covstudio.draft";

/** The draft that an earlier visit left, or null: also where the browser keeps nothing. */
export async function lastDraft(): Promise<Draft | null> {
  try {
    const found = await get<Partial<Draft>>(KEY);
    return typeof found?.text === "string"
      ? { text: found.text, title: String(found.title ?? ""), saved: Number(found.saved ?? 0) }
      : null;
  } catch {
    return null;
  }
}

/** Keep a draft in place of the last; null forgets it. */
export async function keepDraft(draft: Draft | null): Promise<void> {
  try {
    await (draft === null ? del(KEY) : set(KEY, draft));
  } catch {
    // storage full or forbidden: the offer is a courtesy
  }
}
