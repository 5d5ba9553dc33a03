// The keyboard is never lost: when what has it goes, is hidden or answers no more, what stood next to it gets it; where nothing of
// that is left, the nearest region around it, or the place that the person looks at.

import { type RefObject, useEffect, useRef } from "react";
import { usable } from "../ui/keyboard";

const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";
/** The part of the page within which a neighbour is near. */
const REGIONS = '[role="tabpanel"], aside, section[aria-label], header, footer, nav';
const OVERLAYS = "[data-overlays]";
/** What hides elements or puts them out of use. */
const ATTRIBUTES = ["hidden", "disabled", "data-folded", "data-view", "data-area", "data-wide"];

/** Where the keyboard stood: the element, what was in its region, and the elements around it, from the inside. */
interface Stand {
  element: HTMLElement;
  neighbours: HTMLElement[];
  around: HTMLElement[];
}

function neighboursOf(element: HTMLElement): HTMLElement[] {
  return [...(element.closest(REGIONS)?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? [])];
}

function standOf(element: HTMLElement): Stand {
  const around: HTMLElement[] = [];
  for (let at = element.parentElement; at !== null; at = at.parentElement) around.push(at);
  return { element, neighbours: neighboursOf(element), around };
}

/** What gets the keyboard after the element of a stand is gone; null where nothing near it is left. */
function heir({ element, neighbours: before, around }: Stand): HTMLElement | null {
  const neighbours = element.isConnected ? neighboursOf(element) : before;
  const at = neighbours.indexOf(element);
  const holder = around.find((one) => one.hasAttribute("tabindex") && usable(one)) ?? null;
  const walked = (one: HTMLElement) =>
    one.tabIndex >= 0 && usable(one) && (holder === null || holder.contains(one));
  return (
    neighbours.slice(at + 1).find(walked) ??
    neighbours.slice(0, Math.max(at, 0)).reverse().find(walked) ??
    holder
  );
}

/** `page` is the element whose keyboard is kept, with what opens over it; `home` is where it goes at last. */
export function useFocusKept(page: RefObject<HTMLElement | null>, home: () => HTMLElement | null): void {
  const latest = useRef(home);
  latest.current = home;
  useEffect(() => {
    const ground = page.current?.parentElement;
    const root = ground?.getRootNode();
    if (!ground || !(root instanceof ShadowRoot || root instanceof Document)) return;
    let stand: Stand | null = null;
    let over: Element | null = null; // what had it last of what opens over the page
    let frame = 0;
    const focused = () => (root.activeElement === document.body ? null : root.activeElement);

    function look(): void {
      frame = 0;
      const now = focused();
      if (now !== null && usable(now)) return;
      const closed = over !== null && !usable(over);
      over = null;
      if (stand === null) return;
      if (usable(stand.element)) {
        // The person has left it for nothing in particular, unless what lay over it has closed.
        if (closed) stand.element.focus({ preventScroll: true });
        else stand = null;
        return;
      }
      const lost = stand;
      stand = null;
      (heir(lost) ?? latest.current())?.focus({ preventScroll: true });
    }

    // What removes an element may give the keyboard away by itself, a frame later: this comes after it.
    function soon(): void {
      if (frame === 0) frame = requestAnimationFrame(() => (frame = requestAnimationFrame(look)));
    }

    const onFocus = ({ target }: FocusEvent) => {
      if (!(target instanceof HTMLElement)) return;
      if (target.closest(OVERLAYS)) over = target;
      else {
        over = null;
        stand = standOf(target);
      }
    };
    const onLeave = ({ relatedTarget }: FocusEvent) => relatedTarget === null && soon();
    const watch = new MutationObserver((changes) => {
      if (stand === null) return;
      const went = (node: Node) => node instanceof Element;
      if (changes.some(({ type, removedNodes }) => type === "attributes" || [...removedNodes].some(went)))
        soon();
    });
    ground.addEventListener("focusin", onFocus);
    ground.addEventListener("focusout", onLeave);
    watch.observe(ground, { subtree: true, childList: true, attributes: true, attributeFilter: ATTRIBUTES });
    return () => {
      ground.removeEventListener("focusin", onFocus);
      ground.removeEventListener("focusout", onLeave);
      watch.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [page]);
}
