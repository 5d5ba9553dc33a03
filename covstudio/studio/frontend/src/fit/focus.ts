// Where the keyboard goes when a fit has ended.

const FIELDS = "input, textarea, select, [contenteditable]";

/** The element that has the keyboard, inside shadow roots too; null where none has. */
function keyboard(): Element | null {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element === document.body || element === document.documentElement ? null : element;
}

/** Bring the keyboard to what `place` says first of a fit that has ended, unless the person is elsewhere or writes. */
export function lookAt(place: HTMLElement | null): void {
  const target = place?.querySelector<HTMLElement>("[data-look]");
  if (!target?.checkVisibility()) return;
  const now = keyboard();
  const view = place?.parentElement;
  if (now !== null && (!view?.contains(now) || now.matches(FIELDS))) return;
  target.focus();
}
