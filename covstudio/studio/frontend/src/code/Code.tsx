// The program of the model, in every language that has an exporter. The text goes into text nodes only.

import { useEffect, useMemo, useState } from "react";
import { copy, download } from "../session/browser";
import type { State } from "../session/connection";
import { useHear, useLine, useSend, useView } from "../session/hooks";
import { Icon } from "../ui/Icon";
import { Vacant } from "../ui/Vacant";
import styles from "./code.module.css";
import { pieces } from "./highlight";

const COPY = "M5.5 5.5h8v8h-8z|M10.5 5.5v-3h-8v8h3";
const DONE = "M3 8.5l3.2 3.2L13 4.8";
const DOWNLOAD = "M8 2.5v8|M4.8 7.5 8 10.7l3.2-3.2|M2.5 13.5h11";
/** Milliseconds for which the button says that it has copied. */
const SAID = 2000;

export function Code() {
  const state = useView("code");
  if (state === null) return null;
  if (state.code === null)
    return (
      <div className="cs-root cs-view">
        <Vacant
          title="The model as a program"
          text={state.reason ?? state.problems[0] ?? ""}
          ways={[{ tab: "inspector", text: "Go to the model" }]}
        />
      </div>
    );
  return <Program state={state} code={state.code} />;
}

function Program({ state, code }: { state: State<"code">; code: string }) {
  const send = useSend("code");
  const lost = useLine() === "lost";
  const [copied, setCopied] = useState(0);
  const parts = useMemo(() => pieces(code, state.keywords), [code, state.keywords]);
  const language = state.languages.find((one) => one.name === state.language);

  const put = async (text: string) => {
    if (await copy(text)) setCopied((count) => count + 1);
  };
  useHear("code", ({ text }) => void put(text));
  useEffect(() => {
    if (copied === 0) return;
    const timer = setTimeout(() => setCopied(0), SAID);
    return () => clearTimeout(timer);
  }, [copied]);

  // A long program is on the page with its beginning only; without the server there is no more of it.
  const cut = state.long && lost;
  return (
    <div className={`cs-root ${styles.page}`} data-offline>
      <div className={styles.tools}>
        <h2 className={`cs-title cs-grow cs-ellipsis ${styles.title}`}>{state.name}</h2>
        {state.languages.length > 1 && (
          <select
            className={`cs-field cs-select ${styles.language}`}
            aria-label="Language"
            value={state.language}
            disabled={lost}
            onChange={(event) => send({ type: "language", name: event.target.value })}
          >
            {state.languages.map((one) => (
              <option key={one.name} value={one.name}>
                {one.label}
              </option>
            ))}
          </select>
        )}
        <button
          type="button"
          className="cs-button"
          aria-label="Copy code"
          disabled={cut}
          onClick={() => (state.long ? send({ type: "copy" }) : void put(code))}
        >
          <Icon path={copied ? DONE : COPY} />
          {copied ? "Copied" : "Copy"}
        </button>
        <button
          type="button"
          className="cs-button"
          aria-label={`Download ${state.name}`}
          disabled={cut}
          onClick={() => (state.long ? send({ type: "download" }) : download(state.name, code))}
        >
          <Icon path={DOWNLOAD} />
          Download
        </button>
        <span className="cs-hidden-text" role="status">
          {copied ? "Copied to the clipboard" : ""}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to take the keyboard */}
      <pre className={styles.program} tabIndex={0} role="region" aria-label={`${language?.label} code`}>
        <code>
          {parts.map(({ kind, text }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no other name, and are drawn whole
            <span key={index} className={kind === null ? undefined : styles[kind]}>
              {text}
            </span>
          ))}
          {state.long && (
            <span className={styles.comment}>{"\n\n# … the rest is in the copy and in the download"}</span>
          )}
        </code>
      </pre>
    </div>
  );
}
