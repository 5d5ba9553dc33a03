// The model as a graph of cards. What is drawn is the document's; the browser only asks.

import { ReactFlow, ReactFlowProvider, useStore, type XYPosition } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { type MouseEvent, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useZoomed } from "../painter/register";
import type { State } from "../session/connection";
import { useAnswer, useSend, useStage } from "../session/hooks";
import { type Acts, ActsContext, UnderwayContext } from "./acts";
import { Card } from "./Card";
import styles from "./canvas.module.css";
import { useDagre } from "./dagre";
import { Ground } from "./Ground";
import { kin } from "./kin";
import { arranged } from "./layout";
import { AFAR, DOT, FAR, MAX_ZOOM, MIN_ZOOM } from "./look";
import { ContextMenu } from "./Menu";
import { V } from "./model";
import { Overview } from "./Overview";
import { QuickAdd } from "./QuickAdd";
import { Raised, TidyHint } from "./Raised";
import surface from "./surface.module.css";
import { Tools } from "./Tools";
import { useClipboard } from "./useClipboard";
import { useDrop } from "./useDrop";
import { useFinger } from "./useFinger";
import { type Focused, useKeys } from "./useKeys";
import { useLongPress } from "./useLongPress";
import { useLook } from "./useLook";
import { useMenus } from "./useMenus";
import { useModel } from "./useModel";
import { useMoving } from "./useMoving";
import { useQuickAdd } from "./useQuickAdd";
import { useWays } from "./useWays";
import { useWiring } from "./useWiring";
import { Welcome } from "./Welcome";
import { Wire } from "./Wire";

const NODE_TYPES = { card: Card };
const EDGE_TYPES = { wire: Wire };
/** Both keys add to a selection by a click, whatever the system. */
const ADDING = ["Control", "Meta", "Shift"];

/** `earlier`: what leads back into earlier work, for the page of an empty model. */
export function Canvas({ earlier }: { earlier?: ReactNode }) {
  const state = useModel();
  if (state === null) return null;
  return (
    <ReactFlowProvider>
      <Model state={state} earlier={earlier} />
    </ReactFlowProvider>
  );
}

function Model({ state, earlier }: { state: State<"canvas">; earlier: ReactNode }) {
  const send = useSend("canvas");
  const stage = useStage();
  const canvas = useRef<HTMLDivElement>(null);
  const pointer = useRef<XYPosition | null>(null);
  const following = useRef<{ before: string | null } | null>(null);
  const held = useRef<Element | null>(null);
  const [initialised, setInitialised] = useState(false);
  const [renaming, setRenaming] = useState<string | null>(null);
  const drop = useDrop(canvas);
  const finger = useFinger(state, { renaming, target: drop.outcome?.onto ?? null, wire: drop.wire });
  const wires = useWays(state, finger.nodes, finger.wires);
  const look = useLook(state, initialised);
  const zoomed = useZoomed();
  const moving = useMoving(canvas, zoomed);
  const adding = useQuickAdd(canvas);
  const wiring = useWiring((at, from) => adding.ask(at, { ...from, wire: null }));
  const clipboard = useClipboard(canvas, finger.chosen, pointer);
  const far = useStore(({ transform: [, , zoom] }) =>
    zoom < DOT ? "dot" : zoom < AFAR ? "afar" : zoom < FAR ? "far" : undefined,
  );
  const empty = state.nodes.length === 1;
  const dagre = useDagre(!empty);
  const wished = useRef(false); // the model is to be tidied as soon as that can be

  const box = (id: string) =>
    canvas.current?.querySelector<HTMLElement>(`.react-flow__node[data-id="${CSS.escape(id)}"]`) ?? null;
  const back = (id: string | null) =>
    (id === null ? canvas.current : box(id))?.focus({ preventScroll: true });
  const rename = (id: string) => {
    if (id !== V && state.nodes.some((node) => node.id === id)) setRenaming(id);
  };
  const tidy = () => {
    wished.current = dagre === null && !empty;
    if (dagre === null) return;
    const turn = finger.next();
    look.fit(turn);
    const places = [...arranged(dagre, state)].map(([id, at]) => ({ id, ...at }));
    send({ type: "nodes-arranged", places, turn });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when it can be
  useEffect(() => {
    if (wished.current) tidy();
  }, [dagre]);
  const selectAll = () => finger.select(state.nodes.map((node) => node.id).filter((id) => id !== V));
  const menus = useMenus(state, {
    chosen: finger.chosen,
    box,
    rename,
    copy: clipboard.copy,
    add: adding.ask,
    selectAll,
    tidy,
    fit: () => look.fit(),
  });

  /** What a key is about: all that is selected, if what has the keyboard is among it; that alone, if not. */
  const meant = ({ node, wire }: Focused) => {
    const present = finger.present();
    if (node !== null && !present.nodes.includes(node)) return { nodes: [node], wires: new Set<string>() };
    if (wire !== null && !present.wires.has(wire)) return { nodes: [], wires: new Set([wire]) };
    return present;
  };
  useKeys(canvas, pointer, {
    chosen: finger.chosen,
    selectAll,
    selectNone: () => finger.select([]),
    select: finger.select,
    duplicate: (at) => send({ type: "nodes-duplicated", nodes: meant(at).nodes }),
    remove: (at) => {
      const { nodes, wires } = meant(at);
      const children = state.wires.filter((wire) => wires.has(wire.id)).map((wire) => wire.child);
      send({ type: "nodes-deleted", nodes, wires: children });
    },
    fit: () => look.fit(),
    tidy,
    rename,
    edit: (id) => stage.ask("form", id),
    menu: (id) => menus.ofNode(id),
    wire: (id) => menus.ofWiring(id),
    wireMenu: (id) => {
      const at = canvas.current
        ?.querySelector(`.react-flow__edge[data-id="${CSS.escape(id)}"] path`)
        ?.getBoundingClientRect();
      if (at) menus.ofWire(id, { left: at.left + at.width / 2, bottom: at.top + at.height / 2 });
    },
    nudge: finger.nudge,
    add: adding.ask,
    walk(from, arrow) {
      const to = kin(state.nodes, state.wires, from, arrow);
      if (to === null) return;
      finger.select([to]);
      back(to);
      look.reveal([to]);
    },
  });

  // The keyboard follows what was added, as soon as it is drawn; and goes nowhere when the node that had it is gone.
  const [only = null] = state.selection.length === 1 ? state.selection : [];
  useEffect(() => {
    const root = canvas.current?.getRootNode();
    if (following.current !== null && only !== null && only !== following.current.before) {
      following.current = null;
      requestAnimationFrame(() => back(only)); // whatever is drawn meanwhile: a drawing a frame early must not forget it
      return;
    }
    if (!(root instanceof ShadowRoot || root instanceof Document)) return;
    if (held.current && !held.current.isConnected && !root.activeElement) canvas.current?.focus();
    // What stood in another view is not the canvas's to follow.
    held.current = canvas.current?.contains(root.activeElement) ? root.activeElement : null;
  });

  useAnswer("canvas", () => {
    if (canvas.current?.checkVisibility({ visibilityProperty: true })) back(only);
  });

  const resting = useLongPress((target, { x, y }) => {
    const event = { clientX: x, clientY: y, preventDefault: () => {} };
    const node = target.closest(".react-flow__node")?.getAttribute("data-id");
    const wire = target.closest(".react-flow__edge")?.getAttribute("data-id");
    if (node) menus.onNode(event, node);
    else if (wire) menus.onWire(event, wire);
    else if (target.closest(".react-flow__pane")) menus.onPane(event);
  });

  const onDoubleClick = (event: MouseEvent) => {
    const at = event.target instanceof Element ? event.target : null;
    if (at === null || at.closest(".react-flow__handle, button, input")) return;
    const id = at.closest(".react-flow__node")?.getAttribute("data-id");
    if (id) rename(id);
    else if (at.closest(".react-flow__pane")) adding.ask({ x: event.clientX, y: event.clientY });
  };

  const latest = useRef({ ofNode: menus.ofNode, ask: adding.ask, back });
  latest.current = { ofNode: menus.ofNode, ask: adding.ask, back };
  const acts = useMemo<Acts>(
    () => ({
      menu: (id, at) => latest.current.ofNode(id, at),
      show: (id) => send({ type: "show-matrix", node: id }),
      fill: (node, slot, at) =>
        latest.current.ask({ x: at.left, y: at.bottom }, { node, slot, wire: null }, true),
      rename: (id, name, byKey) => {
        setRenaming(null);
        if (name !== null) send({ type: "rename-node", node: id, name });
        if (byKey) latest.current.back(id);
      },
    }),
    [send],
  );
  const isRenaming = useRef(renaming);
  isRenaming.current = renaming;

  return (
    <ActsContext.Provider value={acts}>
      <UnderwayContext.Provider value={wiring.underway}>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: what the pointer does here, keys and menus do too */}
        <div
          ref={canvas}
          className={styles.canvas}
          data-ready={look.ready || undefined}
          data-far={far}
          data-empty={empty || undefined}
          data-dropping={drop.outcome !== null || undefined}
          tabIndex={-1}
          onDoubleClick={onDoubleClick}
          onPointerMove={(event) => {
            pointer.current = { x: event.clientX, y: event.clientY };
          }}
          onPointerLeave={() => {
            pointer.current = null;
          }}
          {...resting}
          {...drop.handlers}
        >
          <ReactFlow
            nodes={finger.nodes}
            edges={wires}
            nodeTypes={NODE_TYPES}
            edgeTypes={EDGE_TYPES}
            onNodesChange={finger.onNodes}
            onEdgesChange={finger.onWires}
            onMoveStart={moving.start}
            onMove={(event) => {
              if (event) look.hold(); // somebody's own hand, and not a mere click
            }}
            onMoveEnd={(event, view) => moving.end(view, event !== null)}
            onInit={() => setInitialised(true)}
            onNodeContextMenu={(event, node) => menus.onNode(event, node.id)}
            onEdgeContextMenu={(event, edge) => menus.onWire(event, edge.id)}
            onPaneContextMenu={menus.onPane}
            onSelectionContextMenu={menus.onSelection}
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
            attributionPosition="bottom-left"
            // A box is begun in the margin around the model, which is where the view would begin to run away.
            autoPanOnSelection={false}
          >
            <Ground />
            {!empty && <Overview hold={look.hold} />}
            <Raised nodes={finger.nodes} wires={wires} chosen={finger.chosen} canvas={canvas} />
          </ReactFlow>
          <div className={surface.surface}>
            {!empty && dagre && drop.outcome === null && (
              <TidyHint dagre={dagre} state={state} nodes={finger.nodes} wires={wires} tidy={tidy} />
            )}
            <Tools tidy={dagre && tidy} fit={() => look.fit()} hold={look.hold} />
            {empty && (
              <Welcome
                templates={state.templates}
                inert={drop.underway}
                earlier={earlier}
                choose={(name) => send({ type: "start-template", name })}
              />
            )}
            <div
              className={surface.dropHint}
              data-shown={drop.outcome !== null || undefined}
              role="status"
              aria-live="polite"
            >
              {drop.outcome ? `Drop to ${drop.outcome.text}` : ""}
            </div>
            {adding.open && (
              <QuickAdd
                key={`${adding.open.at.x} ${adding.open.at.y}`}
                {...adding.open}
                choose={(kind) => {
                  following.current = { before: only };
                  adding.choose(kind);
                  back(null);
                }}
                close={(again) => {
                  adding.close();
                  if (again) back(null);
                }}
              />
            )}
          </div>
        </div>
        <ContextMenu
          menu={menus.menu}
          close={() => {
            const id = menus.close();
            // What a line of the menu opened has the keyboard; else the node has it that the menu spoke of.
            requestAnimationFrame(() => {
              if (isRenaming.current === null && !canvas.current?.querySelector('[role="dialog"]')) back(id);
            });
          }}
        />
      </UnderwayContext.Provider>
    </ActsContext.Provider>
  );
}
