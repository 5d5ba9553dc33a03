// What each area gives to its panes: sizes that were dragged and panes that were folded, remembered by this browser.

import { useState } from "react";
import { memory } from "../session/browser";

/** A size that somebody may drag. */
export interface Size {
  /** The custom property of the frame that holds it. */
  name: "left" | "right" | "dock" | "strip" | "top";
  label: string;
  /** What is that wide or high: what stands before the line or after it. */
  of: "before" | "after";
  across: boolean;
  least: number;
  most: number;
}

/** What may be folded away. */
export type Pane = "palette" | "dock" | "details" | "strip";

const LEFT: Size = {
  name: "left",
  label: "Width of the palette",
  of: "before",
  across: true,
  least: 160,
  most: 360,
};
const RIGHT: Size = {
  name: "right",
  label: "Width of the details",
  of: "after",
  across: true,
  least: 300,
  most: 720,
};
const DOCK: Size = {
  name: "dock",
  label: "Height of the slices",
  of: "after",
  across: false,
  least: 96,
  most: 480,
};
const STRIP: Size = {
  name: "strip",
  label: "Width of the model",
  of: "before",
  across: true,
  least: 160,
  most: 960,
};
const TOP: Size = {
  name: "top",
  label: "Height of the model",
  of: "before",
  across: false,
  least: 96,
  most: 480,
};

export interface Area {
  /** The line after the palette, between the model and what stands beside it, and inside of the model's column. */
  lines: { palette: Size | null; beside: Size; inside: Size | null };
  /** What can be folded here, with the name of its button. */
  folds: Partial<Record<Pane, string>>;
}

const MODEL: Area = {
  lines: { palette: LEFT, beside: RIGHT, inside: DOCK },
  folds: { palette: "Palette pane", dock: "Slices pane", details: "Details pane" },
};
/** The model above the slices, beside what the area is about. */
const OTHER: Area = {
  lines: { palette: null, beside: STRIP, inside: TOP },
  folds: { strip: "Model pane" },
};

/** The area of a tab, by the tab's name: the first tab's is the model's own. */
export function areaOf(tab: string): Area {
  return tab === "inspector" ? MODEL : OTHER;
}

/** Sizes of the model's own area were remembered before there were others. */
const keyOf = (tab: string, name: string) =>
  `covstudio.size.${name === "strip" || name === "top" ? `${tab}.` : ""}${name}`;
const foldKey = (tab: string, pane: Pane) => `covstudio.${pane === "strip" ? `${tab}.` : ""}${pane}`;

export interface Layout {
  area: Area;
  size(size: Size): number | null;
  resize(size: Size, to: number | null): void;
  folded(pane: Pane): boolean;
  fold(pane: Pane): void;
}

/** The layout of the area of a tab. */
export function useLayout(tab: string): Layout {
  const [, redraw] = useState(0);
  const area = areaOf(tab);
  const said = () => redraw((count) => count + 1);
  return {
    area,
    size(size) {
      const kept = Number.parseFloat(memory.get(keyOf(tab, size.name)) ?? "");
      const room = (size.across ? window.innerWidth : window.innerHeight) * 0.7;
      return kept >= size.least && kept <= Math.min(size.most, room) ? kept : null;
    },
    resize(size, to) {
      memory.set(keyOf(tab, size.name), to === null ? null : String(to));
      said();
    },
    folded: (pane) => pane in area.folds && memory.get(foldKey(tab, pane)) === "closed",
    fold(pane) {
      const key = foldKey(tab, pane);
      memory.set(key, memory.get(key) === "closed" ? "open" : "closed");
      said();
    },
  };
}
