import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** The width of an element in pixels, as it was when it was last seen; 0 before that. */
export function useWidth<E extends HTMLElement>(): [RefObject<E>, number] {
  const place = useRef<E>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => setWidth((before) => element.clientWidth || before);
    measure();
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  return [place, width];
}
