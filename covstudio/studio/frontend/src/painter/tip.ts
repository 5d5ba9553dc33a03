// The tooltip of every picture: row, column and exact value under the pointer, asked from the server.

import type { CellValue, Query } from "../session/messages";
import type { Picture } from "./surface";
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
  private picture: Picture | null = null;
  private pointed: Pointed | null = null;
  private at: [number, number] = [0, 0];
  private asked = 0;
  private waiting = false;
  private again = false;

  constructor(
    place: HTMLElement,
    private readonly find: (picture: Picture, x: number, y: number) => Pointed | null,
    private readonly ask: (query: Query) => void,
  ) {
    this.node.setAttribute("role", "tooltip");
    this.node.className = `cs-root ${styles.tip}`;
    this.node.hidden = true;
    place.append(this.node);
  }

  attach(picture: HTMLElement): void {
    picture.addEventListener("pointermove", this.move);
    picture.addEventListener("pointerleave", this.hide);
  }

  detach(picture: HTMLElement): void {
    picture.removeEventListener("pointermove", this.move);
    picture.removeEventListener("pointerleave", this.hide);
    if (this.picture === picture) this.hide();
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
    const picture = event.currentTarget as Picture;
    const found = event.buttons ? null : this.find(picture, event.clientX, event.clientY);
    if (!found) {
      this.hide();
      return;
    }
    const before = this.pointed;
    this.at = [event.clientX, event.clientY];
    if (before && this.picture === picture && before.row === found.row && before.col === found.col) {
      this.place();
      return;
    }
    this.picture = picture;
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
    this.picture = null;
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
