// The model as a graph of cards. What is drawn is the document's; the browser only asks.

import {
  Background,
  BackgroundVariant,
  MiniMap,
  ReactFlow,
  ReactFlowProvider,
  useStore,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type MouseEvent, useMemo, useRef, useState } from "react";
import type { State } from "../session/connection";
import { useHear, useSend, useView } from "../session/hooks";
import { type Acts, ActsContext, type Anchor, UnderwayContext } from "./acts";
import { Card } from "./Card";
import styles from "./canvas.module.css";
import { FAR, MAX_ZOOM, MIN_ZOOM } from "./look";
import { ContextMenu, nodeSections, type OpenMenu } from "./Menu";
import { V } from "./model";
import surface from "./surface.module.css";
import { Tools } from "./Tools";
import { useDrop } from "./useDrop";
import { useFinger } from "./useFinger";
import { useKeys } from "./useKeys";
import { useLook } from "./useLook";
import { useWiring } from "./useWiring";
import { Welcome } from "./Welcome";

const NODE_TYPES = { card: Card };
/** Both keys add to a selection by a click, whatever the system. */
const ADDING = ["Control", "Meta", "Shift"];

export function Canvas() {
  const state = useView("canvas");
  if (state === null) return null;
  return (
    <ReactFlowProvider>
      <Model state={state} />
    </ReactFlowProvider>
  );
}

function Model({ state }: { state: State<"canvas"> }) {
  const send = useSend("canvas");
  const canvas = useRef<HTMLDivElement>(null);
  const [initialised, setInitialised] = useState(false);
  const [renaming, setRenaming] = useState<string | null>(null);
  const [menu, setMenu] = useState<OpenMenu | null>(null);
  const asked = useRef<{ id: string; at: Anchor } | null>(null);
  const drop = useDrop(state.nodes);
  const finger = useFinger(state, { renaming, target: drop.over?.target ?? null });
  const look = useLook(state, initialised);
  const wiring = useWiring();
  const far = useStore((store) => store.transform[2] < FAR);
  const empty = state.nodes.length === 1;

  const box = (id: string) =>
    canvas.current?.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`) ?? null;
  const back = (id: string) => box(id)?.focus({ preventScroll: true });
  const rename = (id: string) => {
    if (id !== V && state.nodes.some((node) => node.id === id)) setRenaming(id);
  };
  const open = (id: string, at: Anchor) => {
    asked.current = { id, at };
    send({ type: "node-asked", id });
  };

  useHear("canvas", (message) => {
    if (message.type !== "node-actions" || asked.current?.id !== message.id) return;
    const { id, at } = asked.current;
    const name = state.nodes.find((node) => node.id === id)?.card.name;
    const act = {
      rename: () => rename(id),
      duplicate: () => send({ type: "nodes-duplicated", nodes: [id] }),
      show: () => send({ type: "node-shown", id }),
      unwire: () => send({ type: "wire-taken", child: id }),
      wire: (parent: string, slot: string) => send({ type: "wire-drawn", child: id, parent, slot }),
      remove: () => send({ type: "nodes-deleted", nodes: [id], wires: [] }),
    };
    setMenu({ name: `Actions for ${name}`, at, sections: nodeSections(message, act) });
  });

  const tidy = () => {
    const turn = finger.next();
    look.fit(turn);
    send({ type: "tidy-up", turn });
  };

  useKeys(canvas, {
    chosen: finger.chosen,
    undo: () => send({ type: "step-back" }),
    redo: () => send({ type: "step-forward" }),
    selectAll: () => finger.select(state.nodes.map((node) => node.id).filter((id) => id !== V)),
    selectNone: () => finger.select([]),
    select: finger.select,
    duplicate: () => send({ type: "nodes-duplicated", nodes: [...finger.chosen] }),
    remove: () =>
      send({
        type: "nodes-deleted",
        nodes: [...finger.chosen],
        wires: state.wires.filter((wire) => finger.chosenWires.has(wire.id)).map((wire) => wire.child),
      }),
    fit: () => look.fit(),
    tidy,
    rename,
    menu: (id) => {
      const at = box(id)?.getBoundingClientRect();
      if (at) open(id, at);
    },
    nudge: finger.nudge,
  });

  const onNodeMenu = (event: MouseEvent, id: string) => {
    event.preventDefault();
    if (id !== V) open(id, { left: event.clientX, bottom: event.clientY - 4 });
  };

  const onDoubleClick = (event: MouseEvent, id: string) => {
    if (event.target instanceof Element && event.target.closest(".react-flow__handle, button, input")) return;
    rename(id);
  };

  const latest = useRef({ open, send, back, renaming });
  latest.current = { open, send, back, renaming };
  const acts = useMemo<Acts>(
    () => ({
      menu: (id, at) => latest.current.open(id, at),
      show: (id) => latest.current.send({ type: "node-shown", id }),
      rename: (id, name, byKey) => {
        setRenaming(null);
        if (name !== null) latest.current.send({ type: "node-renamed", id, name });
        if (byKey) latest.current.back(id);
      },
    }),
    [],
  );

  return (
    <ActsContext.Provider value={acts}>
      <UnderwayContext.Provider value={wiring.underway}>
        <div
          ref={canvas}
          className={styles.canvas}
          data-ready={look.ready || undefined}
          data-far={far || undefined}
          data-empty={empty || undefined}
          data-dropping={drop.over !== null || undefined}
          {...drop.handlers}
        >
          <ReactFlow
            nodes={finger.nodes}
            edges={finger.wires}
            nodeTypes={NODE_TYPES}
            onNodesChange={finger.onNodes}
            onEdgesChange={finger.onWires}
            onInit={() => setInitialised(true)}
            onNodeContextMenu={(event, node) => onNodeMenu(event, node.id)}
            onNodeDoubleClick={(event, node) => onDoubleClick(event, node.id)}
            onConnectStart={wiring.onStart}
            onConnect={wiring.onConnect}
            onConnectEnd={wiring.onEnd}
            isValidConnection={wiring.fits}
            colorMode={state.dark ? "dark" : "light"}
            minZoom={MIN_ZOOM}
            maxZoom={MAX_ZOOM}
            deleteKeyCode={null}
            multiSelectionKeyCode={ADDING}
            zoomOnDoubleClick={false}
            disableKeyboardA11y
          >
            <Background variant={BackgroundVariant.Dots} />
            {!empty && <MiniMap pannable zoomable ariaLabel="Map of the model" />}
          </ReactFlow>
          <div className={surface.surface}>
            <Tools tidy={tidy} fit={() => look.fit()} />
            {empty && (
              <Welcome
                templates={state.templates}
                inert={drop.underway}
                choose={(name) => send({ type: "template-chosen", name })}
              />
            )}
            <div
              className={surface.dropHint}
              data-shown={drop.hint !== "" || undefined}
              role="status"
              aria-live="polite"
            >
              {drop.hint}
            </div>
          </div>
        </div>
        <ContextMenu
          menu={menu}
          close={() => {
            setMenu(null);
            const id = asked.current?.id;
            asked.current = null;
            if (id !== undefined) requestAnimationFrame(() => latest.current.renaming !== id && back(id));
          }}
        />
      </UnderwayContext.Provider>
    </ActsContext.Provider>
  );
}
