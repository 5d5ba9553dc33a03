// What one does with the whole of the canvas.

import { useReactFlow } from "@xyflow/react";
import { Icon } from "../ui/Icon";
import styles from "./surface.module.css";

const ICONS = {
  out: "M4 8h8",
  in: "M4 8h8|M8 4v8",
  tidy: "M2 3.5h4v3H2z|M2 9.5h4v3H2z|M10 6.5h4v3h-4z|M6 5h2v6H6|M8 8h2",
  fit: "M2.5 6V2.5H6|M10 2.5h3.5V6|M13.5 10v3.5H10|M6 13.5H2.5V10",
};

interface Props {
  /** null while there is nothing to tidy. */
  tidy: (() => void) | null;
  fit: () => void;
  hold: () => void;
}

export function Tools({ tidy, fit, hold }: Props) {
  const flow = useReactFlow();
  const zoom = (to: () => Promise<boolean>) => {
    hold();
    void to();
  };
  return (
    <div className={`${styles.toolbar} cs-panel cs-group`} role="toolbar" aria-label="Canvas">
      <Tool icon={ICONS.out} label="Zoom out" act={() => zoom(flow.zoomOut)} />
      <Tool icon={ICONS.in} label="Zoom in" act={() => zoom(flow.zoomIn)} />
      <Tool icon={ICONS.tidy} label="Tidy up" keys="Shift 2" act={tidy} />
      <Tool icon={ICONS.fit} label="Show everything" keys="Shift 1" act={fit} />
    </div>
  );
}

interface ToolProps {
  icon: string;
  label: string;
  keys?: string;
  act: (() => void) | null;
}

function Tool({ icon, label, keys, act }: ToolProps) {
  return (
    <button
      type="button"
      className="cs-icon-button"
      aria-label={label}
      title={keys ? `${label} (${keys})` : label}
      disabled={act === null}
      onClick={act ?? undefined}
    >
      <Icon path={icon} />
    </button>
  );
}
