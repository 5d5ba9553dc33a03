// What is under the finger: where nodes are being put and what is being selected, shown at once and told to the server.

import type { EdgeChange, NodeChange, XYPosition } from "@xyflow/react";
import { useMemo, useReducer, useRef } from "react";
import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import {
  type CardNode,
  Drawing,
  type Marks,
  NOTHING_HELD,
  placeOf,
  put,
  selected,
  V,
  type WireEdge,
} from "./model";

const NO_WIRES: ReadonlySet<string> = new Set();

export interface Finger {
  nodes: CardNode[];
  wires: WireEdge[];
  /** Ids of the selected nodes, V among them, and of the selected wires. */
  chosen: ReadonlySet<string>;
  chosenWires: ReadonlySet<string>;
  /** The same at this moment: a key may come before the one before it is drawn. */
  present(): { nodes: string[]; wires: ReadonlySet<string> };
  onNodes(changes: NodeChange<CardNode>[]): void;
  onWires(changes: EdgeChange<WireEdge>[]): void;
  select(nodes: Iterable<string>, wires?: Iterable<string>): void;
  /** Put the selected nodes elsewhere by keys. */
  nudge(x: number, y: number): void;
  /** The next turn: what the server is told with it is done when a state has it. */
  next(): number;
}

export function useFinger(state: State<"canvas">, marks: Marks): Finger {
  const send = useSend("canvas");
  const { renaming, target, wire } = marks;
  const drawing = useRef<Drawing>();
  drawing.current ??= new Drawing();
  const turn = useRef(0);
  // Changes may come several at a time, before anything is drawn, and the server's news between them: each has to see the one
  // before. A state of React's would be older than that in a drawing that the news made first.
  const now = useRef({ state, held: NOTHING_HELD, chosenWires: NO_WIRES });
  now.current.state = state;
  const { held, chosenWires } = now.current;
  const [, draw] = useReducer((count: number) => count + 1, 0);

  const chosen = useMemo(() => selected(state, held), [state, held]);
  const nodes = useMemo(
    () => drawing.current!.nodes(state, held, { renaming, target }),
    [state, held, renaming, target],
  );
  const wires = useMemo(() => drawing.current!.wires(state, chosenWires, wire), [state, chosenWires, wire]);

  const hold = (to: typeof held) => {
    now.current.held = to;
    draw();
  };

  function next(): number {
    turn.current = Math.max(turn.current, now.current.state.turn) + 1;
    return turn.current;
  }

  function choose(to: ReadonlySet<string>): void {
    const mine = next();
    hold({ ...now.current.held, chosen: { nodes: to, turn: mine } });
    send({ type: "nodes-selected", nodes: [...to].filter((id) => id !== V), turn: mine });
  }

  function chooseWires(to: ReadonlySet<string>): void {
    now.current.chosenWires = to;
    draw();
  }

  function place(places: Map<string, XYPosition>, byKeys: boolean): void {
    const mine = next();
    hold(put(now.current.held, places, mine, now.current.state.turn));
    send({
      type: "nodes-moved",
      places: [...places].map(([id, { x, y }]) => ({ id, x, y })),
      by_keys: byKeys,
      turn: mine,
    });
  }

  function onNodes(changes: NodeChange<CardNode>[]): void {
    const moving = new Map<string, XYPosition>();
    const moved = new Map<string, XYPosition>();
    const before = selected(now.current.state, now.current.held);
    const to = new Set(before);
    for (const change of changes) {
      if (change.type === "position" && change.position)
        (change.dragging ? moving : moved).set(change.id, change.position);
      else if (change.type === "select")
        if (change.selected) to.add(change.id);
        else to.delete(change.id);
    }
    if (to.size !== before.size || [...to].some((id) => !before.has(id))) choose(to);
    if (moving.size) hold(put(now.current.held, moving, Number.POSITIVE_INFINITY, now.current.state.turn));
    if (moved.size) place(moved, false);
  }

  function onWires(changes: EdgeChange<WireEdge>[]): void {
    const to = new Set(now.current.chosenWires);
    for (const change of changes)
      if (change.type === "select")
        if (change.selected) to.add(change.id);
        else to.delete(change.id);
    chooseWires(to);
  }

  function select(ids: Iterable<string>, wireIds: Iterable<string> = []): void {
    choose(new Set(ids));
    chooseWires(new Set(wireIds));
  }

  function nudge(x: number, y: number): void {
    const places = new Map<string, XYPosition>();
    for (const node of now.current.state.nodes) {
      if (node.id === V || !selected(now.current.state, now.current.held).has(node.id)) continue;
      const at = placeOf(node, now.current.state.turn, now.current.held);
      places.set(node.id, { x: at.x + x, y: at.y + y });
    }
    if (places.size) place(places, true);
  }

  const present = () => ({
    nodes: [...selected(now.current.state, now.current.held)],
    wires: now.current.chosenWires,
  });

  return { nodes, wires, chosen, chosenWires, present, onNodes, onWires, select, nudge, next };
}
