// Sends a file in pieces small enough for any server's limit on messages; Python puts them together (`files.Assembler`).

import type { Chunk } from "./messages";

/** Bytes in a piece. */
const PIECE = 2 ** 20;
/** So many pieces are sent before the page may do something else. */
const AT_ONCE = 8;

export interface Upload {
  /** What is to be done with the file: a word that its view and Python agree on. */
  purpose: string;
  file: File;
  /** Says a piece: `useSend` of a view whose wire takes a `Chunk`. */
  send: (piece: Chunk) => void;
  /** Hears a sentence when the file cannot be read here. */
  refuse: (trouble: string) => void;
  /** Hears the share that was sent, up to 1. */
  progress?: (share: number) => void;
}

/** Purpose -> the upload that is under way: of two the later one counts, here as in Python. */
const latest = new Map<string, string>();

/** Sends no more of the file that is under way for a purpose. */
export function stopUpload(purpose: string): void {
  latest.delete(purpose);
}

export async function upload({ purpose, file, send, refuse, progress }: Upload): Promise<void> {
  const id = `${Date.now()}-${Math.random()}`;
  latest.set(purpose, id);
  const total = Math.max(1, Math.ceil(file.size / PIECE));
  try {
    for (let index = 0; index < total; index++) {
      const data = await file.slice(index * PIECE, (index + 1) * PIECE).arrayBuffer();
      if (latest.get(purpose) !== id) return;
      send({ type: "chunk", purpose, id, name: file.name, index, total, size: file.size, data });
      progress?.((index + 1) / total);
      if (index % AT_ONCE === AT_ONCE - 1) await new Promise((resume) => setTimeout(resume, 0));
    }
    latest.delete(purpose);
  } catch (error) {
    if (latest.get(purpose) === id) stopUpload(purpose);
    refuse(`${file.name} could not be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Why a file cannot be sent, or null: `advice` says what to do about its size. */
export function tooLarge(file: { name: string; size: number }, limit: number, advice: string): string | null {
  if (file.size <= limit) return null;
  const megabytes = (bytes: number, decimals: number) => (bytes / 1e6).toFixed(decimals);
  return `${file.name} is ${megabytes(file.size, 1)} MB; at most ${megabytes(limit, 0)} MB can be ${advice}`;
}
