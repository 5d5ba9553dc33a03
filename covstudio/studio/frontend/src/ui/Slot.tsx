// Where a view that Panel draws (a plot, a tab of somebody else's package) stands in the page.

import { useLayoutEffect, useRef } from "react";
import { useConnection } from "../session/hooks";

/** `child` is a property of the root that holds one view, or several; then `index` says which. */
export function Slot({ child, index = 0, className }: { child: string; index?: number; className?: string }) {
  const place = useRef<HTMLDivElement>(null);
  const { model } = useConnection();
  useLayoutEffect(() => {
    const found = model.get_child(child);
    const element = Array.isArray(found) ? found[index] : found;
    if (element) place.current?.replaceChildren(element);
  }, [model, child, index]);
  return <div ref={place} className={className} />;
}
