// What sliders say while they move: one message in flight, the latest of each slider waits, so that nothing queues anywhere.

import type { Drag, Release } from "../session/messages";

/** Milliseconds after which an unanswered drag no longer holds the next one back. */
const STALLED = 2000;

type Moved = Pick<Drag, "node" | "param" | "value">;

export class Drags {
  /** Counts what was said that a frame answers. */
  seq = 0;
  sent = 0;
  superseded = 0;
  private gesture = 1;
  private flying: { seq: number; at: number } | null = null;
  private readonly pending = new Map<string, Moved>();

  constructor(private readonly send: (message: Drag | Release) => void) {}

  /** Nothing waits, and all that was said is answered. */
  get idle(): boolean {
    return this.flying === null && this.pending.size === 0;
  }

  /** A slider moved. */
  readonly drag = (node: string, param: string, value: number): void => {
    const name = `${node} ${param}`;
    if (this.pending.delete(name)) this.superseded++;
    this.pending.set(name, { node, param, value });
    this.flush();
  };

  /** The slider was let go. What waits is sent behind what flies; then the server is told that the values rest. */
  readonly release = (): void => {
    for (const moved of this.pending.values()) this.say(moved);
    this.pending.clear();
    this.gesture++;
    this.send({ type: "release" });
  };

  /** A frame came that shows all up to this. */
  answered(seq: number): void {
    if (this.flying && seq >= this.flying.seq) this.flying = null;
    this.flush();
  }

  private flush(): void {
    if (this.flying && performance.now() - this.flying.at < STALLED) return;
    const [first] = this.pending;
    if (first === undefined) return;
    const [name, moved] = first;
    this.pending.delete(name);
    this.say(moved);
  }

  private say(moved: Moved): void {
    this.flying = { seq: ++this.seq, at: performance.now() };
    this.sent++;
    this.send({ type: "drag", ...moved, seq: this.seq, gesture: this.gesture });
  }
}
