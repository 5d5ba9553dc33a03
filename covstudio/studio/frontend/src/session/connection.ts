// The one line between this page and its session: states come down whole, as JSON, one property of the root for each view;
// what is not state comes down as a message for a view, and what a person does goes up as one.

import { Lifeline, type Line, type ServedDocument } from "./line";
import type { Wires } from "./messages";
import { Outbox } from "./outbox";
import { Stage } from "./stage";

export type ViewName = keyof Wires;
export type State<V extends ViewName> = Wires[V]["state"];
export type Up<V extends ViewName> = Wires[V]["up"];
export type Down<V extends ViewName> = Wires[V]["down"];

/** What Panel hands to `render`: the properties of the root, and the way to and from the server. */
export interface Model {
  send_msg(data: unknown): void;
  on(event: string, listen: (message?: unknown) => void): void;
  off(event: string, listen: (message?: unknown) => void): void;
  get_child(name: string): HTMLElement | HTMLElement[] | null;
  readonly document: ServedDocument | null;
}

interface Envelope {
  view: ViewName;
  json: string;
  /** Bytes; in a notebook, whose line carries texts alone, as base64. */
  data?: ArrayBuffer | Uint8Array<ArrayBuffer> | string;
}

type Listener = (message: unknown, data: Uint8Array<ArrayBuffer> | undefined) => void;

export class Connection {
  readonly model: Model;
  /** What the parts of this page ask of each other. */
  readonly stage = new Stage();
  /** Whether the server is heard. */
  readonly line: Lifeline;
  /** What the page says to the server goes through it. */
  readonly outbox = new Outbox((said) => this.model.send_msg(said));
  private readonly states = new Map<ViewName, { text: string; value: unknown }>();
  private readonly listeners = new Map<ViewName, Set<Listener>>();

  constructor(model: Model) {
    this.model = model;
    // In a notebook, or in somebody else's app, the line is not this page's to keep.
    const own = this.stringOf("drafts") !== "";
    this.line = new Lifeline(own ? model.document : null, () => this.stringOf("session"), {
      lost: () => this.outbox.hold(),
      resumed: (states) => this.resumed(states),
    });
    model.on("msg:custom", (message) => this.receive(envelope(message)));
  }

  /** Call back whenever the state of a view has changed; returns what ends it. */
  subscribe(view: ViewName, changed: () => void): () => void {
    const listen = () => changed();
    this.model.on(view, listen);
    return () => this.model.off(view, listen);
  }

  /** The state of a view: the same object until it changes; null before the server has said anything. */
  state<V extends ViewName>(view: V): State<V> | null {
    const text = this.stringOf(view);
    let known = this.states.get(view);
    if (known?.text !== text) {
      known = { text, value: text === "" ? null : JSON.parse(text) };
      this.states.set(view, known);
    }
    return known.value as State<V> | null;
  }

  /** Say what a person does. */
  send<V extends ViewName>(view: V, message: Up<V>): void {
    this.outbox.send(view, message);
  }

  /** Hear what is not state, with the bytes that came along; returns what ends it. */
  hear<V extends ViewName>(
    view: V,
    listen: (message: Down<V>, data: Uint8Array<ArrayBuffer> | undefined) => void,
  ): () => void {
    const listener = listen as Listener;
    const all = this.listeners.get(view) ?? new Set();
    this.listeners.set(view, all.add(listener));
    return () => all.delete(listener);
  }

  /** Call back whenever the line is lost or back; returns what ends it. */
  readonly watch = (changed: (line: Line) => void): (() => void) => this.line.watch(changed);

  close(): void {
    this.line.close();
    this.outbox.end();
  }

  /** The line is back, and the session is the same one: draw what was missed, and say what was held back. */
  private resumed(draw: () => void): void {
    draw();
    this.model.send_msg({ view: "frame", message: { type: "resumed" } satisfies Up<"frame"> });
    this.outbox.release();
  }

  private stringOf(name: ViewName | "session"): string {
    return (this.model as unknown as Record<string, string>)[name] ?? "";
  }

  private receive(said: Envelope | { several: Envelope[] }): void {
    if ("several" in said) {
      for (const one of said.several) this.receive(one);
      return;
    }
    const { view, json, data } = said;
    const bytes = data === undefined ? undefined : bytesOf(data);
    const message: unknown = JSON.parse(json);
    for (const listen of this.listeners.get(view) ?? []) listen(message, bytes);
  }
}

function bytesOf(data: ArrayBuffer | Uint8Array<ArrayBuffer> | string): Uint8Array<ArrayBuffer> {
  if (typeof data === "string") return Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  return data instanceof Uint8Array ? data : new Uint8Array(data);
}

/** Panel hands over the message itself, or an event that carries it: an envelope names its view, or holds several. */
function envelope(message: unknown): Envelope | { several: Envelope[] } {
  const event = message as Envelope | { several: Envelope[] } | { data: Envelope };
  return "view" in event || "several" in event ? event : event.data;
}
