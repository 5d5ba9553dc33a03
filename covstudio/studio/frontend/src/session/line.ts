// The line to the server, kept alive by itself. When it is lost it is tried again, at once and then ever more seldom, and whenever
// the machine wakes up or has a network again. A server that still has the session goes on with it: what the page has missed is
// drawn, and nothing on the page is made anew. A server that does not know the session (it was started anew, or the session was too
// long without its page) has the page load itself again, which then has its draft back.

export type Line = "up" | "lost";

/** What of Bokeh's document is used. */
export interface ServedDocument {
  is_idle?: boolean;
  on_event?(event: string, listen: (document: unknown, event: ConnectionLost) => void): void;
  replace_with_json?(json: DocumentJson): void;
  get_model_by_id?(
    id: string,
  ): { setv(values: Record<string, unknown>, options: { sync: boolean }): void } | null;
}

interface ConnectionLost {
  /** Bokeh's connection, whose web socket has this in its address. */
  connection?: { deref(): { args_string: string | null } | undefined };
  reconnect(): void;
}

/** A model as JSON has it. */
interface ModelJson {
  id: string;
  attributes: Record<string, unknown>;
}

export interface DocumentJson {
  roots: unknown[];
}

/** What becomes of a page when its line changes. */
export interface Turns {
  lost(): void;
  /** The session is still there; `draw` draws what was missed. */
  resumed(draw: () => void): void;
}

/** What is added to the address of the web socket: a server that has no such session makes no new page for it. */
const BACK = "covstudio-back=1";
/** Milliseconds before the first attempts; the last holds for all that follow. */
const WAITS = [0, 500, 1000, 2000, 4000, 8000, 10_000];
/** A share of a wait that is left to chance, so that many pages do not come back at the same moment. */
const CHANCE = 0.3;
/** So often in a row a server answers and lets nobody in: it does not know what this page comes with. */
const SHUT = 4;

export const waitBefore = (attempt: number, chance = Math.random()): number =>
  WAITS[Math.min(attempt, WAITS.length - 1)]! * (1 + CHANCE * chance);

/** The model of a document that names this session, wherever it stands in it. */
export function modelOf(json: DocumentJson, session: string): ModelJson | null {
  const rest: unknown[] = [...json.roots];
  while (rest.length > 0) {
    const one = rest.pop();
    if (typeof one !== "object" || one === null) continue;
    const { id, attributes } = one as Partial<ModelJson>;
    if (id !== undefined && attributes?.session === session) return { id, attributes };
    rest.push(...Object.values(one));
  }
  return null;
}

/** A key that needs no server: on what goes on without one, or to another area. */
function goesOn(event: KeyboardEvent): boolean {
  const [at] = event.composedPath();
  return (
    (at instanceof Element && at.closest("[data-offline]") !== null) ||
    (event.altKey && /^[1-9]$/.test(event.key))
  );
}

export class Lifeline {
  state: Line = "up";
  private readonly watchers = new Set<(line: Line) => void>();
  private readonly ends = new AbortController();
  private lost: ConnectionLost | null = null;
  private attempt = 0;
  private shut = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private open = true;

  constructor(
    private readonly document: ServedDocument | null,
    private readonly session: () => string,
    private readonly turns: Turns,
  ) {
    if (!document?.on_event || !document.replace_with_json) return;
    document.on_event("connection_lost", (_, event) => this.open && this.hang(event));
    document.on_event("client_reconnected", () => this.open && this.back());
    document.replace_with_json = (json) => this.resume(json);
    const { signal } = this.ends;
    const now = () => this.lost && this.tryNow();
    window.addEventListener("online", now, { signal });
    window.addEventListener("pageshow", now, { signal });
    window.addEventListener("focus", now, { signal });
    window.document.addEventListener("visibilitychange", () => !window.document.hidden && now(), { signal });
    // What the keyboard says while nobody hears it would be lost, or come as a surprise later.
    window.addEventListener(
      "keydown",
      (event) => this.lost && !goesOn(event) && event.stopImmediatePropagation(),
      { signal, capture: true },
    );
  }

  watch(changed: (line: Line) => void): () => void {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  close(): void {
    this.open = false;
    clearTimeout(this.timer);
    this.ends.abort();
  }

  private hang(event: ConnectionLost): void {
    const first = this.lost === null;
    this.lost = event;
    const connection = event.connection?.deref();
    if (connection && !connection.args_string?.includes(BACK))
      connection.args_string = connection.args_string ? `${connection.args_string}&${BACK}` : BACK;
    if (first) {
      this.attempt = this.shut = 0;
      this.turns.lost();
      this.change("lost");
    } else void this.knock();
    this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost?.reconnect(), waitBefore(this.attempt++));
  }

  /** Try now, and not when its time has come. */
  again(): void {
    if (this.lost) this.tryNow();
  }

  private tryNow(): void {
    this.attempt = 0;
    this.schedule();
  }

  /** A server that is there and takes no web socket of this page's, time and again, has to be asked for a new page. */
  private async knock(): Promise<void> {
    try {
      const { status } = await fetch(location.href, { method: "HEAD", cache: "no-store" });
      this.shut = status < 500 ? this.shut + 1 : 0;
    } catch {
      this.shut = 0;
    }
    if (this.lost && this.shut >= SHUT) this.reload();
  }

  /** Bokeh has asked the server for the document; it would put it in the place of the page's. */
  private resume(json: DocumentJson): void {
    const found = modelOf(json, this.session());
    const model = found && this.document?.get_model_by_id?.(found.id);
    if (!found || !model) {
      this.reload();
      return;
    }
    const texts = Object.entries(found.attributes).filter(([, value]) => typeof value === "string");
    this.missed = () => model.setv(Object.fromEntries(texts), { sync: false });
  }

  private missed: (() => void) | null = null;

  private back(): void {
    const { missed } = this;
    if (missed === null) return; // the page loads itself again
    clearTimeout(this.timer);
    this.lost = this.missed = null;
    this.turns.resumed(missed);
    this.change("up");
  }

  private reload(): void {
    this.open = false;
    clearTimeout(this.timer);
    location.reload();
  }

  private change(to: Line): void {
    if (this.state === to) return;
    this.state = to;
    for (const changed of [...this.watchers]) changed(to);
  }
}
