// The wires of the node that is looked at, over the cards that they run behind; and, where that helps, a hint to tidy up.

import { ViewportPortal } from "@xyflow/react";
import { type RefObject, useEffect, useMemo, useState } from "react";
import type { State } from "../session/connection";
import { hidden, toTidy } from "./crossing";
import type { Dagre } from "./dagre";
import type { CardNode, WireEdge } from "./model";
import styles from "./surface.module.css";
import { arrangement } from "./useWays";

/** Over selected nodes, which React Flow raises to 1000. */
const OVER = 1001;
/** Of more nodes that are selected at once nobody follows the wires. */
const MOST = 8;

interface Props {
  nodes: CardNode[];
  wires: WireEdge[];
  chosen: ReadonlySet<string>;
  canvas: RefObject<HTMLElement>;
}

export function Raised({ nodes, wires, chosen, canvas }: Props) {
  const [hovered, setHovered] = useState<string | null>(null);
  useEffect(() => {
    const place = canvas.current;
    const look = (event: Event) => {
      const at = event.target instanceof Element ? event.target.closest(".react-flow__node") : null;
      setHovered(at?.getAttribute("data-id") ?? null);
    };
    const leave = () => setHovered(null);
    place?.addEventListener("pointerover", look);
    place?.addEventListener("pointerleave", leave);
    return () => {
      place?.removeEventListener("pointerover", look);
      place?.removeEventListener("pointerleave", leave);
    };
  }, [canvas]);
  const mine = useMemo(() => {
    const looked = (id: string) => id === hovered || (chosen.size <= MOST && chosen.has(id));
    return hidden(
      nodes,
      wires.filter((wire) => looked(wire.source) || looked(wire.target)),
    );
  }, [nodes, wires, chosen, hovered]);
  if (mine.length === 0) return null;
  return (
    <ViewportPortal>
      <svg className={styles.raised} style={{ zIndex: OVER }} aria-hidden="true">
        {mine.map(({ id, path }) => (
          <path key={id} d={path} data-raised={id} />
        ))}
      </svg>
    </ViewportPortal>
  );
}

/** Offered while wires run behind cards that tidying would bring out, until somebody says no to this arrangement. */
export function TidyHint({
  dagre,
  state,
  nodes,
  wires,
  tidy,
}: {
  dagre: Dagre;
  state: State<"canvas">;
  nodes: CardNode[];
  wires: WireEdge[];
  tidy: () => void;
}) {
  const [refused, setRefused] = useState("");
  const present = arrangement(state);
  // biome-ignore lint/correctness/useExhaustiveDependencies: where things stand is all that it goes by, as the server knows it
  const count = useMemo(() => toTidy(dagre, state, nodes, wires), [present]);
  if (count === 0 || refused === present) return null;
  return (
    <div className={`${styles.tidy} cs-panel`} role="status">
      <span>{count === 1 ? "A wire runs" : `${count} wires run`} behind cards.</span>
      <button type="button" className="cs-link" onClick={tidy}>
        Tidy up
      </button>
      <button type="button" className="cs-link" onClick={() => setRefused(present)}>
        Leave it
      </button>
    </div>
  );
}
