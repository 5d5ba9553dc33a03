// Where the keyboard goes when a fit has ended.

import { FIELDS, keyboard } from "../ui/keyboard";

/** Bring the keyboard to what `place` says first of a fit that has ended, unless the person is elsewhere or writes. */
export function lookAt(place: HTMLElement | null): void {
  const target = place?.querySelector<HTMLElement>("[data-look]");
  if (!target?.checkVisibility()) return;
  const now = keyboard();
  const view = place?.parentElement;
  if (now !== null && (!view?.contains(now) || now.matches(FIELDS))) return;
  target.focus();
}
