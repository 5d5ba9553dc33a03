// The model as the canvas draws it: the latest state, and over it the cards whose numbers moved since.

import { useMemo, useState } from "react";
import type { State } from "../session/connection";
import { useHear, useView } from "../session/hooks";
import { also, type Moved, over } from "./model";

export function useModel(): State<"canvas"> | null {
  const state = useView("canvas");
  const [moved, setMoved] = useState<Moved | null>(null);
  useHear("canvas", (message) => {
    if (message.type !== "moved-cards" || state === null) return;
    setMoved((before) => also(before, state, message.cards));
  });
  return useMemo(() => (state === null ? null : over(state, moved)), [state, moved]);
}
