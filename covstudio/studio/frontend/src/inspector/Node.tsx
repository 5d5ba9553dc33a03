// One node: what it is, its arguments, its parameters, what is in its slots, where else it is known.

import type { State } from "../session/connection";
import { useSend } from "../session/hooks";
import type { NodePage } from "../session/messages";
import { Formula } from "../ui/Formula";
import { Icon } from "../ui/Icon";
import { Problems } from "../ui/Problems";
import { TextField } from "../ui/TextField";
import { Argument } from "./Argument";
import styles from "./inspector.module.css";
import { FindParameters, Parameters } from "./Parameters";

const REMOVE = "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5 5 13h6l.5-8.5";
const MATRIX = "M2.5 2.5h11v11h-11z|M2.5 6.2h11|M2.5 9.8h11|M6.2 2.5v11|M9.8 2.5v11";
/** The most characters of a name. */
const LONGEST = 60;

export function Node({ page, state }: { page: NodePage; state: State<"inspector"> }) {
  const loose = page.problems.filter(
    (problem) => !page.arguments.some((argument) => argument.name === problem.field),
  );
  return (
    <>
      <Head page={page} state={state} />
      {loose.length > 0 && (
        <div className={styles.problems}>
          <Problems problems={loose} label="To finish" />
        </div>
      )}
      {page.arguments.length > 0 && (
        <section className={styles.section} aria-label="Arguments">
          <h3 className="cs-section-title">Arguments</h3>
          {page.arguments.map((argument) => (
            <Argument key={argument.name} argument={argument} page={page} state={state} />
          ))}
        </section>
      )}
      {(page.parameters.length > 0 || page.find !== null) && (
        <section className={styles.section} aria-label="Parameters">
          <h3 className="cs-section-title">Parameters</h3>
          <FindParameters find={page.find} />
          {page.count === 0 && <p className="cs-note">No parameter is called so.</p>}
          <Parameters rows={page.parameters} count={page.count} node={page.id} name={page.name} notes />
        </section>
      )}
      <Operands page={page} />
      {page.elsewhere.length > 0 && (
        <section className={styles.section} aria-label="Elsewhere">
          <h3 className="cs-section-title">Known elsewhere as</h3>
          <dl className={styles.elsewhere}>
            {page.elsewhere.map(({ system, names, usage }) => (
              <div key={system}>
                <dt>{system}</dt>
                <dd>
                  {names.join(", ")}
                  {usage && <code>{usage}</code>}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {page.reference && (
        <section className={styles.section} aria-label="Reference">
          <h3 className="cs-section-title">Reference</h3>
          <p className={styles.source}>{page.reference}</p>
        </section>
      )}
    </>
  );
}

function Head({ page, state }: { page: NodePage; state: State<"inspector"> }) {
  const send = useSend("inspector");
  const refusal = state.errors.name ?? null;
  return (
    <div className={styles.head}>
      <div className={styles.title}>
        <TextField
          className={`cs-field ${styles.name}`}
          aria-label="Name"
          maxLength={LONGEST}
          value={page.name}
          commit={(text) => {
            if (!text.trim()) return "A name needs at least one character.";
            send({ type: "rename-node", node: page.id, name: text });
            return undefined;
          }}
          problem={refusal}
          refused={refusal !== null}
          answer={state}
        />
        <button
          type="button"
          className="cs-icon-button"
          aria-label="Show as matrix"
          data-tip="Show this matrix large"
          data-tip-side="right"
          onClick={() => send({ type: "show-matrix", node: page.id })}
        >
          <Icon path={MATRIX} />
        </button>
        <button
          type="button"
          className="cs-icon-button"
          aria-label="Remove"
          data-tip="Remove (Delete)"
          data-tip-side="right"
          onClick={() => send({ type: "remove-selected" })}
        >
          <Icon path={REMOVE} />
        </button>
      </div>
      <div className={styles.what}>
        <span className={`cs-badge cs-badge--${page.role}`}>{page.title}</span>
        <span className="cs-badge">{page.shape}</span>
        {page.indefinite && (
          <span
            className="cs-badge cs-badge--problem"
            title="Some parameter values give a matrix that is no covariance"
          >
            not always a covariance
          </span>
        )}
      </div>
      <p className={styles.summary}>{page.summary}</p>
      {page.standing && (
        <p className={styles.standing}>
          <b>Here</b> {page.standing}
        </p>
      )}
      <Formula className={styles.formula} formula={page.formula} symbol={page.symbol} katex={page.katex} />
    </div>
  );
}

function Operands({ page }: { page: NodePage }) {
  const send = useSend("inspector");
  if (page.operands.length === 0) return null;
  return (
    <section className={styles.section} aria-label="Operands">
      <h3 className="cs-section-title">Operands</h3>
      <dl className={styles.operands}>
        {page.operands.map(({ slot, help, child, name, shape }) => (
          <div key={`${slot} ${child}`}>
            <dt title={help || undefined}>{slot}</dt>
            <dd className="cs-ellipsis">
              {child === null ? (
                <span className="cs-muted">empty</span>
              ) : (
                <button
                  type="button"
                  className="cs-link"
                  onClick={() => send({ type: "select-node", node: child })}
                >
                  {name}
                </button>
              )}
            </dd>
            <dd className="cs-muted">{shape ?? ""}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
