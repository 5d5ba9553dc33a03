// The values of parameters while sliders move. What the person is doing right now wins over what arrives: a value under the finger
// is not overwritten, nor is one that was let go a moment ago by older values that are still on their way here.

import type { MovedParameter, ParameterRow } from "../session/messages";
import { numeric } from "../ui/numbers";

export interface Value {
  readonly value: number | null;
  readonly raw: MovedParameter["raw"] | null;
}

/** A value that holds until the session shows another state than `since`. */
interface Newer extends Value {
  readonly since: unknown;
  readonly hand: "holds" | "let go" | null;
}

export class Values {
  private readonly newer = new Map<string, Newer>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private held: string | null = null;

  /** Call back when the value of a parameter is another; returns what ends it. */
  subscribe(key: string, changed: () => void): () => void {
    const all = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, all.add(changed));
    return () => all.delete(changed);
  }

  /** What has become of a parameter since a state; undefined where nothing has. The same object until there is news. */
  since(key: string, state: unknown): Value | undefined {
    const found = this.newer.get(key);
    return found !== undefined && (found.hand === "holds" || found.since === state) ? found : undefined;
  }

  /** The person drags a parameter to a value. */
  hold(key: string, value: number, state: unknown): void {
    if (this.held !== null && this.held !== key) this.letGo(this.held, state);
    this.held = key;
    this.put(key, { value, raw: this.newer.get(key)?.raw ?? null, since: state, hand: "holds" });
  }

  /** The person lets a parameter go; false when it was not held. */
  letGo(key: string, state: unknown): boolean {
    const found = this.newer.get(key);
    if (this.held !== key || found === undefined) return false;
    this.held = null;
    this.put(key, { ...found, since: state, hand: "let go" });
    return true;
  }

  /** Numbers arrive that belong to a state. */
  arrive(moved: readonly MovedParameter[], state: unknown): void {
    const fresh = new Set(moved.map(({ key }) => key));
    for (const { key, value, raw } of moved) {
      const found = this.newer.get(key);
      if (found && (found.hand === "holds" || (found.hand === "let go" && found.since === state)))
        this.put(key, { ...found, raw });
      else this.put(key, { value: numeric(value), raw, since: state, hand: null });
    }
    for (const [key, found] of this.newer)
      if (found.hand === "let go" && !fresh.has(key)) this.newer.set(key, { ...found, hand: null });
  }

  private put(key: string, value: Newer): void {
    this.newer.set(key, value);
    for (const changed of this.listeners.get(key) ?? []) changed();
  }
}

/** The value of a row: the newer one, or the state's. */
export function presentValue(row: ParameterRow, newer: Value | undefined): Value {
  return newer === undefined
    ? { value: numeric(row.value), raw: row.raw }
    : { value: newer.value, raw: newer.raw ?? row.raw };
}
