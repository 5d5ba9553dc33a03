// The page's one root. Panel calls `render` with the properties of `covstudio.studio.session.root.Root`.

// What all share comes first: a view's own sheet has the last word.
import "../../assets/theme.css";
import "./ui/styles/controls.css";
import "./ui/styles/floating.css";
import "./ui/styles/view.css";
import "./ui/styles/words.css";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { keeperOf } from "./drafts/keeper";
import { Frame } from "./page/Frame";
import { Help } from "./page/Help";
import { expose } from "./painter/hook";
import { startPainter } from "./painter/painter";
import { Connection, type Model } from "./session/connection";
import { SessionProvider } from "./session/hooks";
import { atHost, followTheme } from "./session/theme";
import { Overlays } from "./ui/Overlays";

/** The build puts the text of every imported style sheet here. */
const STYLES = "%STYLES%";

export function render({ model, el }: { model: Model; el: HTMLElement }): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(atHost(STYLES));
  const ground = el.getRootNode() as ShadowRoot;
  ground.adoptedStyleSheets.push(sheet);
  const leaveTheme = followTheme(ground.host as HTMLElement);
  const place = document.createElement("div");
  place.style.height = "100%";
  place.style.containerType = "size"; // its panes go by its size: it need not be the whole window
  el.append(place);
  const root = createRoot(place);
  const connection = new Connection(model);
  const painter = startPainter(connection, el);
  expose(painter);
  // Panel looks for the slots of its own views as soon as this returns.
  flushSync(() =>
    root.render(
      <SessionProvider connection={connection}>
        <Overlays>
          <Frame />
          <Help />
        </Overlays>
      </SessionProvider>,
    ),
  );
  model.on("remove", () => {
    root.unmount();
    keeperOf(connection)?.close();
    painter.close();
    connection.close();
    leaveTheme();
  });
}
