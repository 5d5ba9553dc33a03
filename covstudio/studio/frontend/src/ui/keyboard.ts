// Where the keyboard stands.

/** What is written in. */
export const FIELDS = "input, textarea, select, [contenteditable]";

/** The element that has the keyboard, inside shadow roots too; null where none has. */
export function keyboard(): Element | null {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element === document.body || element === document.documentElement ? null : element;
}

/** Whether an element can have the keyboard: it is there, seen, and answers. */
export function usable(element: Element): boolean {
  return (
    element.isConnected &&
    !element.matches(":disabled") &&
    element.checkVisibility({ visibilityProperty: true })
  );
}
