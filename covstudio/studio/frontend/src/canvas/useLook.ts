// Brings into view what has to be seen: a model that was opened, whole; what was added, if it is outside.

import { type Rect, useReactFlow, useStore, type Viewport } from "@xyflow/react";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useAnswer, useView } from "../session/hooks";
import type { CanvasOutside } from "../session/ready";
import { tab } from "../session/tab";
import { fitted, revealing } from "./look";
import { V } from "./model";

type Model = State<"canvas">;

const boxes = (state: Model, ids?: ReadonlySet<string>): Rect[] =>
  state.nodes
    .filter((node) => ids === undefined || ids.has(node.id))
    .map((node) => ({ x: node.x, y: node.y, width: state.width, height: node.card.height }));

export interface Look {
  /** Whether the view has been set, so that nothing jumps. */
  ready: boolean;
  /** Show the whole model; after a turn, once the server has heard of it. */
  fit(turn?: number): void;
  /** Bring nodes into view, if they are outside. */
  reveal(nodes: Iterable<string>): void;
  /** Somebody looks at a part: it stays as it is when the canvas gets another size. */
  hold(): void;
}

export function useLook(state: Model, initialised: boolean): Look {
  const flow = useReactFlow();
  const width = useStore((store) => store.width);
  const height = useStore((store) => store.height);
  const [ready, setReady] = useState(false);
  const before = useRef<Model | null>(null);
  const due = useRef<number | null>(null);
  const size = { width, height };

  const whole = useRef(false); // the model is shown whole, until somebody looks at a part of it
  const look = (view: Viewport) => {
    whole.current = false;
    void flow.setViewport(view);
  };
  const all = () => {
    left.current = null; // what is shown now was not there to be looked at before
    look(fitted(boxes(state), size));
    whole.current = true;
  };

  // As a strip the model is shown whole, whatever its size; later it is looked at again as it was before.
  const strip = useRef(false);
  const left = useRef<Viewport | null>(null);
  useAnswer("strip", (on) => {
    if (on && !strip.current) left.current = whole.current ? null : flow.getViewport();
    strip.current = on;
    waits.current = true;
  });
  const waits = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it goes by the size alone
  useEffect(() => {
    if (!ready) return;
    if (!waits.current && whole.current) all();
    if (!waits.current) return;
    if (strip.current) look(fitted(boxes(state), size));
    else {
      waits.current = false;
      if (left.current === null) all();
      else look(left.current);
    }
  }, [width, height]);

  // A page that comes back is looked at where it was.
  const keeps = useView("drafts") !== null;
  useEffect(() => {
    if (!keeps) return;
    const leave = () => {
      tab.viewport = strip.current ? left.current : flow.getViewport();
    };
    window.addEventListener("pagehide", leave);
    return () => window.removeEventListener("pagehide", leave);
  }, [keeps, flow]);
  const asBefore = () => {
    all();
    const view = tab.viewport;
    if (!keeps || view === null || document.body.dataset.ready) return;
    if (strip.current) left.current = view;
    else look(view);
  };

  const reveal = (nodes: Iterable<string>) => {
    const view = revealing(boxes(state, new Set(nodes)), size, flow.getViewport());
    if (view === null) all();
    else {
      const was = whole.current; // nobody chose this part to look at
      look(view);
      whole.current = was;
    }
  };

  useLayoutEffect(() => {
    if (!initialised || !width || !height) return;
    const last = before.current;
    if (last === state) return;
    before.current = state;
    if (last === null) {
      all();
      setReady(true);
      return;
    }
    if (due.current !== null && due.current <= state.turn) {
      due.current = null;
      all();
      return;
    }
    // Another model, or none any more: V alone stands where the page of an empty model has room for it.
    if (state.model !== last.model || (state.nodes.length === 1 && last.nodes.length > 1)) {
      all();
      return;
    }
    const known = new Set(last.nodes.map((node) => node.id));
    const fresh = new Set(state.nodes.map((node) => node.id).filter((id) => !known.has(id)));
    const another = fresh.size > 1 && !state.nodes.some((node) => node.id !== V && known.has(node.id));
    if (another) {
      asBefore();
      return;
    }
    const into = (model: Model) => model.wires.find((wire) => wire.parent === V)?.child;
    const root = into(state);
    if (root !== undefined && root !== into(last)) fresh.add(V).add(root); // V went to what was wired into it
    if (fresh.size === 0) return;
    for (const { parent, child } of state.wires) if (fresh.has(child)) fresh.add(parent); // what it went into
    const stood = new Map(last.nodes.map((node) => [node.id, node]));
    for (const { id, x, y } of state.nodes) {
      const was = stood.get(id);
      if (was !== undefined && (was.x !== x || was.y !== y)) fresh.add(id); // it made room
    }
    reveal(fresh);
  });

  useEffect(() => {
    const canvas: CanvasOutside = {
      centre: () => {
        const view = flow.getViewport();
        return { x: (width / 2 - view.x) / view.zoom, y: (height / 2 - view.y) / view.zoom };
      },
      ready,
    };
    window.covstudioCanvas = canvas;
    return () => {
      if (window.covstudioCanvas === canvas) delete window.covstudioCanvas;
    };
  }, [flow, width, height, ready]);

  return {
    ready,
    reveal,
    hold() {
      whole.current = false;
    },
    fit(turn) {
      if (turn === undefined) all();
      else due.current = turn;
    },
  };
}
