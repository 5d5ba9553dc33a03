// How large an element is, for what is drawn otherwise in a narrow place. What CSS can do by itself, container queries do.

import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** Whether it is at least so wide. */
export function useWide<E extends HTMLElement>(least: number): [RefObject<E>, boolean] {
  return useMeasured<E, boolean>((width) => width >= least, false);
}

/** Its width in pixels. */
export function useWidth<E extends HTMLElement>(before: number): [RefObject<E>, number] {
  return useMeasured<E, number>((width) => width, before);
}

function useMeasured<E extends HTMLElement, T>(judge: (width: number) => T, before: T): [RefObject<E>, T] {
  const place = useRef<E>(null);
  const [found, setFound] = useState(before);
  const latest = useRef(judge);
  latest.current = judge;
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => {
      const width = element.clientWidth;
      if (width > 0) setFound(latest.current(width)); // what is hidden has no width, and comes back as it was
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [place, found];
}

/** The width and height of an element; null until it has been seen. */
export function useSize(place: RefObject<HTMLElement>): { width: number; height: number } | null {
  const [found, setFound] = useState<{ width: number; height: number } | null>(null);
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => {
      const { offsetWidth: width, offsetHeight: height } = element;
      if (width > 0 && height > 0)
        setFound((now) => (now?.width === width && now.height === height ? now : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [place]);
  return found;
}
