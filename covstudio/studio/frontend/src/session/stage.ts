// What parts of the page ask of each other without knowing each other: each root has one stage of its own.

/** A structure of the palette under a finger, in pixels of the page. */
export interface Carried {
  kind: string;
  title: string;
  x: number;
  y: number;
  stage: "moving" | "dropped" | "given up";
}

interface Requests {
  /** Bring a tab to the front, by its name. */
  open: string;
  /** Bring a tab to the front, and the keyboard into it. */
  visit: string;
  /** The model stands as a strip now, or whole again. */
  strip: boolean;
  /** Show one region of a narrow page, by its name. */
  view: string;
  /** Put the keyboard into the search of the palette. */
  search: undefined;
  /** Put the keyboard on the model: on what is chosen there. */
  canvas: undefined;
  /** Put the keyboard into the form of a node, by its id. */
  form: string;
  /** Fit the model as it stands. */
  fit: undefined;
  /** Put the keyboard where a quantity is derived from a fit. */
  derive: undefined;
  /** A finger carries a structure of the palette over the page, lets it go, or gives it up. */
  carry: Carried;
  /** Show the help. */
  help: undefined;
  /** Have the person choose a model to open. */
  choose: undefined;
  /** Open a file as a model. */
  model: File;
  /** Show a file as a table. */
  table: File;
}

export type Request = keyof Requests;

export class Stage {
  private readonly answers = new Map<Request, Set<(detail: never) => void>>();

  ask<R extends Request>(request: R, ...[detail]: Requests[R] extends undefined ? [] : [Requests[R]]): void {
    for (const act of this.answers.get(request) ?? []) act(detail as never);
  }

  /** Act whenever somebody asks; returns what ends it. */
  answer<R extends Request>(request: R, act: (detail: Requests[R]) => void): () => void {
    const all = this.answers.get(request) ?? new Set();
    this.answers.set(request, all.add(act));
    return () => all.delete(act);
  }
}

/** Whatever measures itself by the window measures again: Bokeh's plots do. */
export function resized(): void {
  window.dispatchEvent(new Event("resize"));
}
