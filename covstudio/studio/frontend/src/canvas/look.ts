// Which part of the canvas is shown.

import type { Rect, Viewport } from "@xyflow/react";

export const MAX_ZOOM = 1.25;
/** Far enough for two hundred nodes in a column: "show everything" shows everything. */
export const MIN_ZOOM = 0.02;
/** Below this zoom a card says less, so that what it says can be read. */
export const FAR = 0.9;
/** Below this one it is a picture and a name. */
export const AFAR = 0.6;
/** Below this one no name can be read: a picture. */
export const DOT = 0.3;
/** Pixels kept free around the model when it is fitted into the view. */
export const MARGIN = 36;

/** Pixels of the foot of the canvas, where the tools stand. */
const FOOT = 52;

export interface Size {
  width: number;
  height: number;
}

/** The smallest box around boxes. */
export function bounds(boxes: Rect[]): Rect {
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return {
    x,
    y,
    width: Math.max(...boxes.map((box) => box.x + box.width)) - x,
    height: Math.max(...boxes.map((box) => box.y + box.height)) - y,
  };
}

/** Pixels that the first page needs beside V; in a narrower canvas V stands below it. */
const WELCOME = 430;
const LEAST = 24;

/** The whole model in the middle, never enlarged. V alone stands on the right, with room for what will lead to it. */
export function fitted(boxes: Rect[], size: Size): Viewport {
  const box = bounds(boxes);
  if (boxes.length === 1) {
    const free = size.width - box.width - WELCOME;
    const beside = free >= LEAST;
    const right = Math.min(2.5 * MARGIN, Math.max(LEAST, free));
    const down = beside ? (size.height - box.height) / 2 : size.height - box.height - LEAST;
    return { x: size.width - box.width - right - box.x, y: down - box.y, zoom: 1 };
  }
  const margin = Math.min(MARGIN, size.width / 16, size.height / 16);
  const foot = Math.max(margin, Math.min(FOOT, size.height / 5));
  const high = size.height - margin - foot;
  const across = (size.width - 2 * margin) / box.width;
  const down = high / box.height;
  const zoom = Math.max(Math.min(1, across, down), MIN_ZOOM);
  return {
    x: (size.width - box.width * zoom) / 2 - box.x * zoom,
    y: margin + (high - box.height * zoom) / 2 - box.y * zoom,
    zoom,
  };
}

/** The view moved just so far that the boxes are in it; null when they are too large for that. */
export function revealing(boxes: Rect[], size: Size, view: Viewport): Viewport | null {
  const box = bounds(boxes);
  const along = (offset: number, start: number, length: number, room: number) => {
    const least = MARGIN - start * view.zoom;
    const most = room - MARGIN - (start + length) * view.zoom;
    return least > most ? null : Math.min(Math.max(offset, least), most);
  };
  const x = along(view.x, box.x, box.width, size.width);
  const y = along(view.y, box.y, box.height, size.height);
  return x === null || y === null ? null : { x, y, zoom: view.zoom };
}

/** Pixels between two dots of the ground at least: where they would be nearer there are half as many to a side. */
const STEP = 14;
/** What lies between two of them at full size. */
const PITCH = 20;

/** Where the dots of the ground are put, at most two steps out of sight, and how much larger than they are painted: once to twice. */
export function dotted([left, top, zoom]: readonly [number, number, number]): Viewport {
  const pitch = PITCH * zoom;
  const step = pitch * 2 ** Math.ceil(Math.log2(STEP / pitch));
  const along = (offset: number) => offset - Math.ceil(offset / step) * step;
  return { x: along(left), y: along(top), zoom: step / STEP };
}

/** Pixels kept free at the edge of the map. */
const MAP_MARGIN = 5;

/** What of the model the map shows: all nodes, and what is in sight. */
export function mapped(boxes: Rect[], sight: Rect, size: Size): Rect {
  const all = bounds([...boxes, sight]);
  const unit = Math.max(
    all.width / (size.width - 2 * MAP_MARGIN),
    all.height / (size.height - 2 * MAP_MARGIN),
  );
  const [width, height] = [size.width * unit, size.height * unit];
  return { x: all.x - (width - all.width) / 2, y: all.y - (height - all.height) / 2, width, height };
}
