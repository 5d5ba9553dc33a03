// Calls once, a while after the last of many calls; not any more when its component is gone.

import { useEffect, useMemo, useRef } from "react";

export interface Debounced<A extends unknown[]> {
  (...args: A): void;
  cancel(): void;
}

export function useDebounced<A extends unknown[]>(act: (...args: A) => void, delay: number): Debounced<A> {
  const latest = useRef(act);
  latest.current = act;
  const later = useMemo(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const cancel = () => clearTimeout(timer);
    const call = (...args: A) => {
      cancel();
      timer = setTimeout(() => latest.current(...args), delay);
    };
    return Object.assign(call, { cancel });
  }, [delay]);
  useEffect(() => later.cancel, [later]);
  return later;
}
