// Buttons that mend a problem, each by one step that undo takes back.

import { useSend, useStage } from "../session/hooks";
import type { ModelProblem } from "../session/messages";

/** At most `most` buttons; `done` hears that one was pressed. */
export function Repairs({
  problem,
  most,
  done,
}: {
  problem: ModelProblem;
  most?: number;
  done?: () => void;
}) {
  const send = useSend("inspector");
  const stage = useStage();
  return problem.repairs.slice(0, most).map(({ label, tab }) => (
    <button
      key={label}
      type="button"
      className="cs-button cs-button--small cs-repair nodrag"
      title={label}
      onClick={(event) => {
        event.stopPropagation(); // on a card, a click beside the button selects it
        if (tab === null) send({ type: "repair-problem", node: problem.node, label });
        else stage.ask("visit", tab);
        done?.();
      }}
    >
      {label}
    </button>
  ));
}
