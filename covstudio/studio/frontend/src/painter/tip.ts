// The tooltip of every picture: row, column and exact value under the pointer, asked from the server.

import type { CellValue, Query } from "../session/messages";
import styles from "./tip.module.css";

/** The block of a matrix under the pointer: where it begins, and its rows and columns. */
export interface Pointed {
  key: string;
  row: number;
  col: number;
  size: number;
}

export class Tip {
  private readonly node = document.createElement("div");
  private canvas: HTMLCanvasElement | null = null;
  private pointed: Pointed | null = null;
  private at: [number, number] = [0, 0];
  private asked = 0;
  private waiting = false;
  private again = false;

  constructor(
    place: HTMLElement,
    private readonly find: (canvas: HTMLCanvasElement, x: number, y: number) => Pointed | null,
    private readonly ask: (query: Query) => void,
  ) {
    this.node.setAttribute("role", "tooltip");
    this.node.className = `cs-root ${styles.tip}`;
    this.node.hidden = true;
    place.append(this.node);
  }

  attach(canvas: HTMLCanvasElement): void {
    canvas.addEventListener("pointermove", this.move);
    canvas.addEventListener("pointerleave", this.hide);
  }

  detach(canvas: HTMLCanvasElement): void {
    canvas.removeEventListener("pointermove", this.move);
    canvas.removeEventListener("pointerleave", this.hide);
    if (this.canvas === canvas) this.hide();
  }

  /** The pictures of these keys were painted anew. */
  refresh(keys: ReadonlySet<string>): void {
    if (this.pointed && keys.has(this.pointed.key)) this.query();
  }

  answer({ id, row, col, value }: CellValue): void {
    if (id !== this.asked) return;
    this.waiting = false;
    if (!this.pointed) return;
    if (this.again) {
      this.query();
      return;
    }
    const head = element("div", styles.value, value);
    this.node.replaceChildren(head, line("row", row), line("column", col));
    this.node.hidden = false;
    this.place();
  }

  private readonly move = (event: PointerEvent): void => {
    const canvas = event.currentTarget as HTMLCanvasElement;
    const found = event.buttons ? null : this.find(canvas, event.clientX, event.clientY);
    if (!found) {
      this.hide();
      return;
    }
    const before = this.pointed;
    this.at = [event.clientX, event.clientY];
    if (before && this.canvas === canvas && before.row === found.row && before.col === found.col) {
      this.place();
      return;
    }
    this.canvas = canvas;
    this.pointed = found;
    this.query();
  };

  private query(): void {
    if (!this.pointed) return;
    this.again = this.waiting;
    if (this.waiting) return;
    this.waiting = true;
    this.ask({ type: "query", id: ++this.asked, ...this.pointed });
  }

  private place(): void {
    const { offsetWidth: w, offsetHeight: h } = this.node;
    const [x, y] = this.at;
    const left = x + 14 + w > innerWidth - 4 ? x - 14 - w : x + 14;
    const top = y + 14 + h > innerHeight - 4 ? y - 14 - h : y + 14;
    this.node.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  private readonly hide = (): void => {
    this.canvas = null;
    this.pointed = null;
    this.waiting = false;
    this.node.hidden = true;
  };
}

function element(tag: string, className: string | undefined, text: string): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function line(name: string, text: string): HTMLElement {
  const made = element("div", styles.line, "");
  made.append(element("span", undefined, name), element("span", undefined, text));
  return made;
}
