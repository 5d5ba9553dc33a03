// How a slider speaks while it moves.

import { useConnection } from "../session/hooks";
import type { Drags } from "./drags";
import { painterOf } from "./painter";

/** `drag(node, param, natural value)` while a slider moves, `release()` when it is let go: the end of one step of the history. */
export function useDrag(): Pick<Drags, "drag" | "release"> {
  return painterOf(useConnection()).drags;
}
