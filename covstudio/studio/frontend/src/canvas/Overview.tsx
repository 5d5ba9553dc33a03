// All of the model as small as a stamp, with what is in sight; it moves the view. It is painted on a canvas: a frame of a moving view
// costs as much as two hundred rectangles.

import { useReactFlow, useStore, type Viewport } from "@xyflow/react";
import { type PointerEvent, useEffect, useReducer, useRef } from "react";
import { watchTheme } from "../session/theme";
import { mapped } from "./look";
import styles from "./overview.module.css";

const SIZE = { width: 124, height: 82 };
/** How far the wheel zooms: twice as near in so many of its pixels. */
const WHEEL = 400;
/** How much of what is out of sight is covered. */
const COVERED = 0.78;

export function Overview({ hold }: { hold: () => void }) {
  const flow = useReactFlow();
  const canvas = useRef<HTMLCanvasElement>(null);
  const grabbed = useRef<{ x: number; y: number; view: Viewport; unit: number } | null>(null);
  const nodes = useStore((store) => store.nodes);
  const [x, y, zoom] = useStore((store) => store.transform);
  const width = useStore((store) => store.width);
  const height = useStore((store) => store.height);
  const [theme, repaint] = useReducer((count: number) => count + 1, 0);
  useEffect(() => watchTheme(repaint), []);

  const boxes = nodes.map((node) => ({ ...node.position, width: node.width ?? 0, height: node.height ?? 0 }));
  const sight = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
  const map = mapped(boxes, sight, SIZE);
  const unit = map.width / SIZE.width;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read from the style sheet
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const ratio = devicePixelRatio;
    canvas.current.width = Math.round(SIZE.width * ratio); // which clears it
    canvas.current.height = Math.round(SIZE.height * ratio);
    const colours = getComputedStyle(canvas.current);
    const scale = ratio / unit;
    context.setTransform(scale, 0, 0, scale, -map.x * scale, -map.y * scale);
    context.fillStyle = colours.getPropertyValue("--cs-border-strong");
    for (const box of boxes) context.fillRect(box.x, box.y, box.width, box.height);
    context.globalAlpha = COVERED;
    context.fillStyle = colours.getPropertyValue("--cs-bg");
    context.beginPath();
    context.rect(map.x, map.y, map.width, map.height);
    context.rect(sight.x, sight.y, sight.width, sight.height);
    context.fill("evenodd");
  }, [nodes, x, y, zoom, width, height, theme]);

  // The page must not scroll by the wheel; React cannot prevent it.
  useEffect(() => {
    const element = canvas.current;
    const turned = (event: WheelEvent) => {
      event.preventDefault();
      hold();
      void flow.zoomTo(flow.getZoom() * 2 ** (-event.deltaY / WHEEL));
    };
    element?.addEventListener("wheel", turned, { passive: false });
    return () => element?.removeEventListener("wheel", turned);
  }, [flow, hold]);

  const move = (event: PointerEvent) => {
    const from = grabbed.current;
    if (from === null) return;
    const by = from.unit * from.view.zoom;
    void flow.setViewport({
      x: from.view.x - (event.clientX - from.x) * by,
      y: from.view.y - (event.clientY - from.y) * by,
      zoom: from.view.zoom,
    });
  };
  return (
    <canvas
      ref={canvas}
      className={styles.map}
      style={SIZE}
      role="img"
      aria-label="Map of the model"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        hold();
        grabbed.current = { x: event.clientX, y: event.clientY, view: flow.getViewport(), unit };
      }}
      onPointerMove={move}
      onLostPointerCapture={() => {
        grabbed.current = null;
      }}
    />
  );
}
