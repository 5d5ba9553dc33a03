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

/** Whether a key is pressed by itself, or with Shift: with Ctrl, Command or Alt it is a command, and no view's own key. */
export function plain(press: { ctrlKey: boolean; metaKey: boolean; altKey: boolean }): boolean {
  return !press.ctrlKey && !press.metaKey && !press.altKey;
}
