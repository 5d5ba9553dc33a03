// What cards and handles may ask of the canvas, without knowing it.

import { createContext, useContext } from "react";
import type { WireEnd } from "../session/messages";

export interface Anchor {
  left: number;
  bottom: number;
}

export interface Acts {
  /** Open the menu of a node there. */
  menu(id: string, at: Anchor): void;
  /** Show a node large. */
  show(id: string): void;
  /** Search for what goes into a slot of a node, there. */
  fill(id: string, slot: string, at: Anchor): void;
  /** End a renaming, by a key or by going elsewhere; null leaves the name as it was. */
  rename(id: string, name: string | null, byKey: boolean): void;
}

export const ActsContext = createContext<Acts | null>(null);

export function useActs(): Acts {
  const acts = useContext(ActsContext);
  if (acts === null) throw new Error("a card stands outside of the canvas");
  return acts;
}

/** Where the wire under way may end: why not, or what becomes of the node that is there. */
export type Ends = ReadonlyMap<string, Pick<WireEnd, "reason" | "effect">>;

/** The wire under way, if there is one; its ends are null until the server has said which fit. */
export interface Underway {
  node: string;
  slot: string | null;
  ends: Ends | null;
}

export const UnderwayContext = createContext<Underway | null>(null);

export const endKey = (node: string, slot: string | null): string => `${node} ${slot ?? ""}`;

/** Whether a wire under way fits an end: "pending" while nobody has said; undefined where it cannot end. */
export function fitsAt(
  wire: Underway | null,
  node: string,
  slot: string | null,
): "yes" | "no" | "pending" | undefined {
  if (wire === null || wire.node === node || (wire.slot === null) === (slot === null)) return undefined;
  if (wire.ends === null) return "pending";
  const end = wire.ends.get(endKey(node, slot));
  return end === undefined ? undefined : end.reason === null ? "yes" : "no";
}
