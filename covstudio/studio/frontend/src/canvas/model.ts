// What React Flow draws, from the document's state and from what is under the finger. Nothing here knows the browser.

import type { Edge, Node, NodeHandle, XYPosition } from "@xyflow/react";
import { Position } from "@xyflow/react";
import type { State } from "../session/connection";
import type { Card } from "../session/messages";

export const V = "V";
export const OUTPUT = "out";
/** Pixels a handle is wide and high, and those of a node's border: as in canvas.module.css. */
const HANDLE = 12;
const BORDER = 1;

export interface CardData extends Record<string, unknown> {
  card: Card;
  focused: boolean;
  renaming: boolean;
  /** Whether there are so many cards that a canvas for each would slow the view down: their pictures are images then. */
  crowded: boolean;
}

/** How a wire turns its corners, and how far from a handle it does. */
export const WIRE = { borderRadius: 10, offset: 12 };
/** Cards from which on the view is crowded. */
const CROWD = 40;

export type CardNode = Node<CardData, "card">;

/** A wire; `way` leads it around cards, where the usual path would run behind some. */
export type WireEdge = Edge<{ way?: XYPosition[] }, "wire"> & { pathOptions?: typeof WIRE };

/** What the person did that the server has not heard yet: each holds until a state has its turn. */
export interface Held {
  places: ReadonlyMap<string, { place: XYPosition; turn: number }>;
  chosen: { nodes: ReadonlySet<string>; turn: number };
}

export const NOTHING_HELD: Held = { places: new Map(), chosen: { nodes: new Set(), turn: 0 } };

/** Which nodes are selected: what was chosen last, or what the server knows. Only the page knows that V is. */
export function selected(state: State<"canvas">, { chosen }: Held): ReadonlySet<string> {
  if (chosen.turn > state.turn) return chosen.nodes;
  const known = new Set(state.selection);
  if (known.size === 0 && chosen.nodes.has(V)) known.add(V);
  return known;
}

/** Where a node stands: under the finger, or in the document. */
export function placeOf(
  node: { id: string; x: number; y: number },
  turn: number,
  { places }: Held,
): XYPosition {
  const held = places.get(node.id);
  return held && held.turn > turn ? held.place : { x: node.x, y: node.y };
}

/** What is held, with nodes put elsewhere; what has been heard is let go of. */
export function put(held: Held, places: Iterable<[string, XYPosition]>, turn: number, heard: number): Held {
  const all = new Map([...held.places].filter(([, one]) => one.turn > heard));
  for (const [id, place] of places) all.set(id, { place, turn });
  return { ...held, places: all };
}

/** Where one side's handles are drawn: spread evenly, their middles on the inside of the border. */
function side(type: "source" | "target", names: string[], width: number, height: number): NodeHandle[] {
  const left = type === "target";
  const step = (height - 2 * BORDER) / (names.length + 1);
  return names.map((id, index) => ({
    id,
    type,
    position: left ? Position.Left : Position.Right,
    x: (left ? BORDER : width - BORDER) - HANDLE / 2,
    y: BORDER + (index + 1) * step - HANDLE / 2,
    width: HANDLE,
    height: HANDLE,
  }));
}

/** How far down a slot stands, as a share of the card. */
export const level = (index: number, count: number): string => `${((index + 1) * 100) / (count + 1)}%`;

/** Which node is being renamed, and into which a structure would be wired that hovers over it. */
export interface Marks {
  renaming: string | null;
  target: string | null;
  /** The wire that a structure would be inserted on, by the node that it comes from. */
  wire: string | null;
}

/** Cards whose numbers moved since a state. */
export interface Moved {
  of: State<"canvas">;
  cards: ReadonlyMap<string, Card>;
}

/** What moved since a state, and what moved now. */
export function also(before: Moved | null, of: State<"canvas">, now: { id: string; card: Card }[]): Moved {
  const earlier = before?.of === of ? before.cards : [];
  return { of, cards: new Map([...earlier, ...now.map(({ id, card }): [string, Card] => [id, card])]) };
}

/** A state with the cards that moved since; a newer state has them itself. */
export function over(state: State<"canvas">, moved: Moved | null): State<"canvas"> {
  if (moved?.of !== state) return state;
  return {
    ...state,
    nodes: state.nodes.map((one) => ({ ...one, card: moved.cards.get(one.id) ?? one.card })),
  };
}

interface Known {
  text: string;
  node: CardNode;
}

/** Makes nodes and wires for React Flow. What has not changed is the same object again, and is not drawn anew. */
export class Drawing {
  private nodesKnown = new Map<string, Known>();
  private wiresKnown = new Map<string, WireEdge>();
  private readonly texts = new WeakMap<Card, string>();

  nodes(state: State<"canvas">, held: Held, { renaming, target }: Omit<Marks, "wire">): CardNode[] {
    const chosen = selected(state, held);
    const known = this.nodesKnown;
    this.nodesKnown = new Map();
    const crowded = state.nodes.length > CROWD;
    return state.nodes.map((one) => {
      const position = placeOf(one, state.turn, held);
      const extra = { focused: state.focus === one.id, renaming: renaming === one.id, crowded };
      const isTarget = target === one.id;
      const isSelected = chosen.has(one.id);
      const text = this.text(one.card);
      const before = known.get(one.id);
      const same = before?.text === text && before.node.width === state.width;
      const data =
        same &&
        before.node.data.focused === extra.focused &&
        before.node.data.renaming === extra.renaming &&
        before.node.data.crowded === crowded
          ? before.node.data
          : { card: same ? before.node.data.card : one.card, ...extra };
      const unmoved =
        same &&
        data === before.node.data &&
        before.node.selected === isSelected &&
        (before.node.className !== undefined) === isTarget &&
        before.node.position.x === position.x &&
        before.node.position.y === position.y;
      const node = unmoved
        ? before.node
        : {
            ...(same ? before.node : frame(one.id, one.card, state.width)),
            position,
            data,
            selected: isSelected,
            className: isTarget ? "drop-target" : undefined,
          };
      this.nodesKnown.set(one.id, { text, node });
      return node;
    });
  }

  wires(state: State<"canvas">, chosen: ReadonlySet<string>, target: string | null): WireEdge[] {
    const known = this.wiresKnown;
    this.wiresKnown = new Map();
    return state.wires.map((one) => {
      const isSelected = chosen.has(one.id);
      const before = known.get(one.id);
      const className = target === one.child ? "drop-target" : undefined;
      const wire: WireEdge =
        before?.targetHandle === one.slot &&
        before.ariaLabel === one.label &&
        before.selected === isSelected &&
        before.className === className
          ? before
          : {
              id: one.id,
              source: one.child,
              target: one.parent,
              sourceHandle: OUTPUT,
              targetHandle: one.slot,
              type: "wire",
              pathOptions: WIRE,
              ariaLabel: one.label,
              deletable: false,
              selected: isSelected,
              className,
            };
      this.wiresKnown.set(one.id, wire);
      return wire;
    });
  }

  private text(card: Card): string {
    const known = this.texts.get(card) ?? JSON.stringify(card);
    this.texts.set(card, known);
    return known;
  }
}

/** A node with its size and its handles said, so that wires are drawn before anything is measured. */
function frame(id: string, card: Card, width: number): Omit<CardNode, "position" | "data"> {
  const { height, slots } = card;
  const inputs = slots.map((slot) => slot.name);
  return {
    id,
    type: "card",
    width,
    height,
    measured: { width, height },
    handles: [
      ...side("target", inputs, width, height),
      ...side("source", card.role === "result" ? [] : [OUTPUT], width, height),
    ],
    draggable: card.role !== "result",
    deletable: false, // the Delete key is an intent of ours: one key, one undo step
    ariaLabel: card.label,
  };
}
