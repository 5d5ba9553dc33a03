// The wires with their ways around cards. They are sought when nodes have come to stand elsewhere, not while one is under the finger.

import { useMemo } from "react";
import type { State } from "../session/connection";
import { ways } from "./crossing";
import type { CardNode, WireEdge } from "./model";

/** How everything stands and is wired, as the server knows it. */
export function arrangement(state: State<"canvas">): string {
  const places = state.nodes.map(({ id, x, y, card }) => `${id} ${x} ${y} ${card.height}`).join("|");
  return `${places} ${state.wires.map(({ id, slot }) => `${id} ${slot}`).join("|")}`;
}

export function useWays(state: State<"canvas">, nodes: CardNode[], wires: WireEdge[]): WireEdge[] {
  const present = arrangement(state);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where things stand is all that it goes by
  const found = useMemo(() => ways(nodes, wires), [present]);
  return useMemo(
    () =>
      wires.map((wire) => {
        const way = found.get(wire.id);
        return way === undefined ? wire : { ...wire, data: { way } };
      }),
    [wires, found],
  );
}
