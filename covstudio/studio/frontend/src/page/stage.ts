// What parts of the page ask of the frame, without knowing it: events on the document, as the parts that are not drawn here
// speak them too.

const EVENTS = {
  /** Bring a tab to the front, by its name. */
  open: "covstudio:open",
  /** A tab was brought to the front, by its name. */
  tab: "covstudio:tab",
  /** Put a dot on a tab: { tab, mark }. */
  mark: "covstudio:mark",
  /** Fold the palette or the dock away, or back. */
  fold: "covstudio:fold",
  /** Show one region of a narrow page, by its name. */
  view: "covstudio:view",
  /** Put the keyboard into the search of the palette. */
  search: "covstudio:search",
} as const;

interface Details {
  open: string;
  tab: string;
  mark: { tab: string; mark: string };
  fold: string;
  view: string;
  search: undefined;
}

export type Request = keyof Details;

export function ask<R extends Request>(request: R, detail: Details[R]): void {
  document.dispatchEvent(new CustomEvent(EVENTS[request], { detail }));
}

export function answer<R extends Request>(request: R, act: (detail: Details[R]) => void): () => void {
  const listen = (event: Event) => act((event as CustomEvent<Details[R]>).detail);
  document.addEventListener(EVENTS[request], listen);
  return () => document.removeEventListener(EVENTS[request], listen);
}

/** Whatever measures itself by the window measures again: Bokeh's plots do. */
export function resized(): void {
  window.dispatchEvent(new Event("resize"));
}
