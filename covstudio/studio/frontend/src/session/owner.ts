// Which draft is a tab's own. A tab that was duplicated has the memory of the first one: it finds that somebody has the draft, and
// takes a copy. A reload finds that the page before it has gone.

const CHANNEL = "covstudio.drafts";

type Said = { kind: "whose" | "mine"; id: string; from: string } | { kind: "forgotten" };

/** How long an answer of another tab is waited for where the browser has no locks: away from https and localhost. */
const PATIENCE = 250;

export class Owner {
  private readonly self = unique();
  private readonly line = new BroadcastChannel(CHANNEL);
  private own: string | null = null;
  private release: (() => void) | null = null;
  private readonly mine = new Set<(id: string) => void>();

  /** `forgotten` hears that another tab has forgotten all drafts. */
  constructor(forgotten: () => void) {
    this.line.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.kind === "forgotten") forgotten();
      else if (data.kind === "whose" && data.id === this.own && data.from !== this.self)
        this.line.postMessage({ kind: "mine", id: data.id, from: this.self });
      else if (data.kind === "mine") for (const hear of this.mine) hear(data.id);
    };
  }

  /** Take a draft for this tab's own; false when another tab that is open has it. */
  async take(id: string): Promise<boolean> {
    const taken = await this.ask(id);
    if (taken) this.own = id;
    return taken;
  }

  /** Tell all tabs that drafts were forgotten. */
  tellForgotten(): void {
    this.line.postMessage({ kind: "forgotten" } satisfies Said);
  }

  /** The drafts that open tabs have. */
  async open(): Promise<Set<string>> {
    const held = (await navigator.locks?.query())?.held ?? [];
    const ids = held.flatMap(({ name }) =>
      name?.startsWith(CHANNEL) ? [name.slice(CHANNEL.length + 1)] : [],
    );
    return new Set(this.own === null ? ids : [...ids, this.own]);
  }

  close(): void {
    this.release?.();
    this.line.close();
  }

  private ask(id: string): Promise<boolean> {
    return new Promise((known) => {
      const waiting = new AbortController();
      const settle = (free: boolean) => {
        this.mine.delete(hear);
        if (!free) waiting.abort();
        known(free);
      };
      const hear = (taken: string) => taken === id && settle(false);
      this.mine.add(hear);
      if (navigator.locks)
        navigator.locks
          .request(`${CHANNEL}.${id}`, { signal: waiting.signal }, () => {
            this.release?.();
            settle(true);
            return new Promise<void>((released) => {
              this.release = released;
            });
          })
          .catch(() => {}); // it was given up
      else setTimeout(() => settle(true), PATIENCE);
      this.line.postMessage({ kind: "whose", id, from: this.self } satisfies Said);
    });
  }
}

export function unique(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
