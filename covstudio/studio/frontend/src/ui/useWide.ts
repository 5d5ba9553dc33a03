// Whether an element is at least so wide, for what is drawn otherwise in a narrow place. What CSS can do by itself, container
// queries do.

import { type RefObject, useLayoutEffect, useRef, useState } from "react";

export function useWide<E extends HTMLElement>(least: number): [RefObject<E>, boolean] {
  const place = useRef<E>(null);
  const [wide, setWide] = useState(false);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => {
      const width = element.clientWidth;
      if (width > 0) setWide(width >= least); // what is hidden has no width, and comes back as it was
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [least]);
  return [place, wide];
}
