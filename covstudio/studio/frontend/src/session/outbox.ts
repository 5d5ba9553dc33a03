// What the page says goes through here, so that nothing of it is lost with the line or with the page. Messages are numbered; while
// there is no line they wait. A session that is back hears the last ones again and passes over those it has heard. A new session,
// which has its work from a draft, hears those that are not in it.

import { tab } from "./tab";

/** More are never under way. */
const MOST = 200;

const MOST_PIECES = 16;

export interface Said {
  view: string;
  message: { type: string };
  /** The number of the message. */
  n: number;
  /** It was said to a session before: only what edits the work is of use. */
  again?: true;
}

/** What a page leaves to the one that comes after it in its tab. */
export interface Left {
  sent: number;
  said: Said[];
}

export class Outbox {
  private sent = 0;
  private last: Said[] = [];
  private held: Said[] | null = null;
  private left: Left | null = null;
  private ended = false;

  constructor(private readonly say: (said: Said) => void) {}

  send(view: string, message: { type: string }, again?: true): void {
    if (this.ended) return;
    const said: Said = { view, message, n: ++this.sent, ...(again && { again }) };
    this.last.push(said);
    if (this.last.length > MOST) this.last.shift();
    if (!travels(said)) this.forgetPieces();
    if (this.held === null) this.say(said);
    else this.held.push(said);
  }

  /** Pieces of files are large: of these only the last few are remembered. */
  private forgetPieces(): void {
    const pieces = this.last.filter((said) => !travels(said)).slice(0, -MOST_PIECES);
    if (pieces.length > 0) this.last = this.last.filter((said) => !pieces.includes(said));
  }

  /** What was said is not to be said again. */
  forget(): void {
    this.last = [];
  }

  /** The page is taken down: what is under way in it has nobody to say it to. */
  end(): void {
    this.ended = true;
  }

  /** The line is lost: what is said waits. */
  hold(): void {
    this.held ??= [];
  }

  /** The same session is back: what it may have missed, and what waited. */
  release(): void {
    const waiting = new Set(this.held ?? []);
    const missed = this.last.filter((said) => !waiting.has(said));
    const all = [...missed, ...waiting];
    this.held = null;
    for (const said of all) this.say(said);
  }

  /** The page is about to go: leave what the next page of this tab may have to say again. */
  leave(): void {
    tab.left = this.left ?? { sent: this.sent, said: this.last.filter(travels) };
  }

  /** Take over what the page before this one has left; where this page goes before that is said, it is left again. */
  takeOver(left: Left | null): void {
    this.left = left;
  }

  /** Say what was taken over and no draft has: that draft has all up to a number; null, nothing of it is of use. */
  repeat(upTo: number | null): void {
    const { left } = this;
    this.left = null;
    if (upTo === null) return;
    this.sent = Math.max(this.sent, left?.sent ?? 0, upTo);
    for (const { view, message, n } of left?.said ?? []) if (n > upTo) this.send(view, message, true);
  }
}

/** Pieces of files are too large to be left. */
function travels({ message }: Said): boolean {
  return message.type !== "chunk";
}
