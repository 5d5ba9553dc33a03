// Which menu opens where, and what its lines do.

import { useReactFlow } from "@xyflow/react";
import { type MouseEvent, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useHear, useSend } from "../session/hooks";
import type { Target } from "../session/messages";
import type { Anchor } from "./acts";
import type { OpenMenu } from "./Menu";
import { canvasMenu, nodeMenu, resultMenu, selectionMenu, wireMenu } from "./menus";
import { V } from "./model";

export interface MenuActs {
  chosen: ReadonlySet<string>;
  box(id: string): HTMLElement | null;
  rename(id: string): void;
  copy(nodes: Iterable<string>, cut: boolean): void;
  add(at: { x: number; y: number }, target?: Target, beside?: boolean): void;
  selectAll(): void;
  tidy(): void;
  fit(): void;
}

type Pointer = Pick<MouseEvent, "clientX" | "clientY" | "preventDefault">;

export interface Menus {
  menu: OpenMenu | null;
  /** Close it; the node that it spoke of, if it did. */
  close(): string | null;
  ofNode(id: string, at?: Anchor): void;
  /** What a node may be wired into. */
  ofWiring(id: string): void;
  ofWire(id: string, at: Anchor): void;
  onNode(event: Pointer, id: string): void;
  onWire(event: Pointer, id: string): void;
  onPane(event: Pointer): void;
  onSelection(event: Pointer): void;
}

const under = ({ clientX, clientY }: Pointer): Anchor => ({ left: clientX, bottom: clientY - 4 });

export function useMenus(state: State<"canvas">, acts: MenuActs): Menus {
  const send = useSend("canvas");
  const flow = useReactFlow();
  const [menu, setMenu] = useState<OpenMenu | null>(null);
  const asked = useRef<{ id: string; at: Anchor; wiring: boolean } | null>(null);

  const nodeActs = (nodes: string[]) => ({
    duplicate: () => send({ type: "nodes-duplicated", nodes }),
    copy: (cut: boolean) => acts.copy(nodes, cut),
    remove: () => send({ type: "nodes-deleted", nodes, wires: [] }),
  });

  useHear("canvas", (message) => {
    if (message.type !== "node-actions" || asked.current?.id !== message.id) return;
    const { id, at, wiring } = asked.current;
    const name = state.nodes.find((node) => node.id === id)?.card.name;
    const sections = nodeMenu(message, {
      ...nodeActs([id]),
      rename: () => acts.rename(id),
      show: () => send({ type: "show-matrix", node: id }),
      wrap: () => acts.add({ x: at.left, y: at.bottom }, { node: id, slot: null, wire: null }, true),
      unwire: () => send({ type: "wire-taken", child: id }),
      wire: (parent, slot) => send({ type: "wire-drawn", child: id, parent, slot }),
      swap: (parent, first, second) => send({ type: "operands-swapped", parent, first, second }),
    });
    const places = sections.filter(({ title, items }) => title !== undefined && items.length > 0);
    if (wiring && places.length > 0) setMenu({ name: `Wire ${name}`, at, sections: places });
    else setMenu({ name: `Actions for ${name}`, at, sections });
  });

  function ofResult(at: Anchor): void {
    const child = state.wires.find((wire) => wire.parent === V)?.child;
    asked.current = { id: V, at, wiring: false };
    const sections = resultMenu(child !== undefined, {
      show: () => send({ type: "show-matrix", node: V }),
      add: () => acts.add({ x: at.left, y: at.bottom }, { node: V, slot: V, wire: null }, true),
      unwire: () => child && send({ type: "wire-taken", child }),
    });
    setMenu({ name: "Actions for V", at, sections });
  }

  function ofNode(id: string, at?: Anchor, wiring = false): void {
    const anchor = at ?? acts.box(id)?.getBoundingClientRect();
    if (anchor === undefined) return;
    if (id === V) {
      ofResult(anchor);
      return;
    }
    asked.current = { id, at: anchor, wiring };
    send({ type: "node-asked", id });
  }

  function ofSelection(at: Anchor): void {
    const nodes = [...acts.chosen].filter((id) => id !== V);
    asked.current = null;
    setMenu({ name: `Actions for ${nodes.length} nodes`, at, sections: selectionMenu(nodeActs(nodes)) });
  }

  function ofWire(id: string, at: Anchor): void {
    const wire = state.wires.find((one) => one.id === id);
    if (wire === undefined) return;
    asked.current = null;
    const sections = wireMenu({
      insert: () => acts.add({ x: at.left, y: at.bottom }, { node: null, slot: null, wire: wire.child }),
      remove: () => send({ type: "wire-taken", child: wire.child }),
    });
    setMenu({ name: wire.label, at, sections });
  }

  async function paste(at: { x: number; y: number }): Promise<void> {
    const text = await navigator.clipboard?.readText?.().catch(() => "");
    if (text) send({ type: "text-pasted", text, at: flow.screenToFlowPosition(at) });
  }

  return {
    menu,
    close() {
      const id = asked.current?.id ?? null;
      asked.current = null;
      setMenu(null);
      return id;
    },
    ofNode,
    ofWiring: (id) => ofNode(id, undefined, true),
    onNode(event, id) {
      event.preventDefault();
      if (acts.chosen.has(id) && acts.chosen.size > 1) ofSelection(under(event));
      else ofNode(id, under(event));
    },
    ofWire,
    onWire(event, id) {
      event.preventDefault();
      ofWire(id, under(event));
    },
    onPane(event) {
      event.preventDefault();
      const at = under(event);
      const place = { x: event.clientX, y: event.clientY };
      asked.current = null;
      const sections = canvasMenu({
        add: () => acts.add(place),
        paste: () => void paste(place),
        selectAll: acts.selectAll,
        tidy: acts.tidy,
        fit: acts.fit,
      });
      setMenu({ name: "Canvas", at, sections });
    },
    onSelection(event) {
      event.preventDefault();
      ofSelection(under(event));
    },
  };
}
