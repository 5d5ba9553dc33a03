// What one tab of the browser remembers, through a reload too: which draft is its own, and where somebody was looking.

import type { Left } from "./outbox";

const PREFIX = "covstudio.tab.";

function recall(key: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

function remember(key: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + key);
    else sessionStorage.setItem(PREFIX + key, value);
  } catch {
    // a browser that keeps nothing is no reason to stop
  }
}

export interface Viewport {
  x: number;
  y: number;
  zoom: number;
}

export const tab = {
  /** The area that was open. */
  get area(): string | null {
    return recall("area");
  },
  set area(name: string | null) {
    remember("area", name);
  },
  /** What part of the model was looked at. */
  get viewport(): Viewport | null {
    return viewportOf(recall("viewport"));
  },
  set viewport(view: Viewport | null) {
    remember("viewport", view && JSON.stringify(view));
  },
  /** What the page before this one left to be said again; it is there once. */
  takeLeft(): Left | null {
    const found = leftOf(recall("left"));
    remember("left", null);
    return found;
  },
  set left(left: Left) {
    remember("left", JSON.stringify(left));
  },
  /** The draft that is this tab's. */
  get draft(): string | null {
    return recall("draft");
  },
  set draft(id: string | null) {
    remember("draft", id);
  },
};

export function viewportOf(text: string | null): Viewport | null {
  try {
    const { x, y, zoom } = JSON.parse(text ?? "null") ?? {};
    return [x, y, zoom].every(Number.isFinite) && zoom > 0 ? { x, y, zoom } : null;
  } catch {
    return null;
  }
}

function leftOf(text: string | null): Left | null {
  try {
    const left = JSON.parse(text ?? "null") as Left | null;
    return left !== null && Number.isFinite(left.sent) && Array.isArray(left.said) ? left : null;
  } catch {
    return null;
  }
}
