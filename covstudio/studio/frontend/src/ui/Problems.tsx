// What is wrong with the model or missing in it.

import type { ModelProblem } from "../session/messages";
import { Repairs } from "./Repairs";

/** With `choose` each line names its node and leads there. What one act mends has its buttons below. */
export function Problems({
  problems,
  label,
  choose,
  done,
}: {
  problems: readonly ModelProblem[];
  label: string;
  choose?: (node: string) => void;
  done?: () => void;
}) {
  if (problems.length === 0) return null;
  return (
    <ul className="cs-problems" aria-label={label}>
      {problems.map((problem) => {
        const { node, name, text: message, severity } = problem;
        const look = `cs-notice cs-notice--${severity === "unfinished" ? "todo" : "problem"}`;
        const text = choose ? (
          <>
            <b>{name}</b>: {message}
          </>
        ) : (
          message
        );
        return (
          <li key={`${node} ${message}`}>
            {choose && node !== null ? (
              <button type="button" className={look} onClick={() => choose(node)}>
                {text}
              </button>
            ) : (
              <div className={look}>{text}</div>
            )}
            {problem.repairs.length > 0 && (
              <div className="cs-repairs">
                <Repairs problem={problem} done={done} />
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
