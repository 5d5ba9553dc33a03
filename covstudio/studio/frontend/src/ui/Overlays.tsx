// Where menus, popovers, tips and dialogs open: inside the root, so that its style sheet reaches them, in a notebook too.

import { type ReactNode, useRef } from "react";
import { UNSAFE_PortalProvider } from "react-aria/PortalProvider";
import { enableShadowDOM } from "react-stately/private/flags/flags";

enableShadowDOM();

export function Overlays({ children }: { children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  return (
    <UNSAFE_PortalProvider getContainer={() => place.current}>
      {children}
      <div ref={place} className="cs-root" data-overlays />
    </UNSAFE_PortalProvider>
  );
}
