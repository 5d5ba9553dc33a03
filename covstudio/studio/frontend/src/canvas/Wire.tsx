// A wire as it is drawn: as React Flow draws it, or the way that leads it around cards, as long as that begins and ends where it does.

import { BaseEdge, type EdgeProps, SmoothStepEdge } from "@xyflow/react";
import { memo } from "react";
import { holds } from "./crossing";
import type { WireEdge } from "./model";
import { rounded } from "./ways";

export const Wire = memo(function Wire(props: EdgeProps<WireEdge>) {
  const { id, data, sourceX, sourceY, targetX, targetY, interactionWidth } = props;
  const way = holds(data?.way, { x: sourceX, y: sourceY }, { x: targetX, y: targetY });
  if (way === null) return <SmoothStepEdge {...props} />;
  return <BaseEdge id={id} path={rounded(way)} interactionWidth={interactionWidth ?? 20} />;
});
