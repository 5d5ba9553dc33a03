// The bar: what concerns the whole model and the whole page.

import { type ChangeEvent, type ReactNode, useRef, useState } from "react";
import { useAnswer, useSend, useStage, useView } from "../session/hooks";
import { isDark, setDark } from "../session/theme";
import { tooLarge, upload } from "../session/upload";
import { Icon } from "../ui/Icon";
import { MOD } from "../ui/shortcuts";
import { TextField } from "../ui/TextField";
import styles from "./bar.module.css";
import { ChoiceMenu } from "./ChoiceMenu";

const OPEN = "M2 12.5v-9h4l1.5 1.8H13V7|M2 12.5 4 7h11l-2 5.5z";
const SAVE = "M3 2.5h8l2 2v9H3z|M5.5 2.5v3.5h5V2.5|M5 13.5V9.5h6v4";
const TEMPLATES = "M2.5 2.5h4.5v11H2.5z|M9.5 2.5h4v4.5h-4z|M9.5 9.5h4v4h-4z";
const EXAMPLES = "M2.5 3.5h11v9h-11z|M2.5 6.5h11|M2.5 9.5h11|M6.5 3.5v9";
const UNDO = "M5.5 3 2.5 6l3 3|M2.5 6h7a3.5 3.5 0 0 1 0 7H6";
const REDO = "M10.5 3l3 3-3 3|M13.5 6h-7a3.5 3.5 0 0 0 0 7H10";
const MOON = "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z";
const SUN =
  "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z|M8 1.5v1.2|M8 13.3v1.2|M1.5 8h1.2|M13.3 8h1.2|" +
  "M3.4 3.4l.85.85|M11.75 11.75l.85.85|M12.6 3.4l-.85.85|M4.25 11.75l-.85.85";
const HELP =
  "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z|M6.3 6.2a1.75 1.75 0 1 1 2.6 1.6c-.6.3-.9.7-.9 1.3|M8 11.3v.1";

interface ToolProps {
  path: string;
  label: string;
  tip?: string;
  text?: boolean;
  last?: boolean;
  disabled?: boolean;
  act: () => void;
}

function Tool({ path, label, tip = label, text = false, last = false, disabled, act }: ToolProps) {
  return (
    <button
      type="button"
      className={text ? `cs-button cs-button--quiet ${styles.tool}` : "cs-icon-button"}
      aria-label={label}
      aria-description={tip === label ? undefined : tip}
      data-tip={tip}
      data-tip-side={last ? "right" : undefined}
      disabled={disabled}
      onClick={act}
    >
      <Icon path={path} />
      {text && <span className={styles.toolText}>{label}</span>}
    </button>
  );
}

function Title({ title, answer }: { title: string; answer: unknown }) {
  const send = useSend("bar");
  function commit(text: string): undefined {
    send({ type: "set-model-title", title: text });
  }
  return (
    <TextField
      value={title}
      commit={commit}
      answer={answer}
      className={`cs-field ${styles.title}`}
      aria-label="Model title"
      maxLength={200}
    />
  );
}

/** The button that opens a saved model, with the field that asks the browser for the file. */
function OpenTool({ limit }: { limit: number }) {
  const send = useSend("bar");
  const complain = useSend("status");
  const chooser = useRef<HTMLInputElement>(null);
  const choose = () => chooser.current?.click();
  useAnswer("choose", choose);

  useAnswer("model", take);

  function onChange(event: ChangeEvent<HTMLInputElement>): void {
    const file = event.target.files?.[0];
    event.target.value = "";
    if (file) take(file);
  }

  function take(file: File): void {
    const refuse = (text: string) => complain({ type: "refuse-file", text });
    const trouble = tooLarge(file, limit, "opened. Save the model with a smaller table.");
    if (trouble !== null) refuse(trouble);
    else void upload({ purpose: "open", file, send, refuse });
  }

  return (
    <>
      <Tool path={OPEN} label="Open" tip={`Open a saved model (${MOD} O)`} text act={choose} />
      <input
        ref={chooser}
        type="file"
        className="cs-hidden-text"
        tabIndex={-1}
        aria-hidden="true"
        accept=".json,application/json"
        aria-label="Open a model file"
        onChange={onChange}
      />
    </>
  );
}

function Theme() {
  const send = useSend("frame");
  const [dark, setShown] = useState(isDark);
  function turn(): void {
    setDark(!dark);
    setShown(!dark);
    send({ type: "theme-chosen", dark: !dark });
  }
  return <Tool path={dark ? SUN : MOON} label={dark ? "Light theme" : "Dark theme"} last act={turn} />;
}

interface Parts {
  /** What stands in the middle. */
  areas: ReactNode;
  /** What stands beside what concerns the page. */
  panes: ReactNode;
  /** What earlier work is taken up by. */
  recent: (look: { button: string; text: string }) => ReactNode;
}

export function Bar({ areas, panes, recent }: Parts) {
  const state = useView("bar");
  const send = useSend("bar");
  const stage = useStage();
  if (state === null) return null;
  const { undo, redo } = state;

  return (
    <div className={styles.bar}>
      <span className={`cs-divider ${styles.wide}`} role="presentation" />
      <Title title={state.title} answer={state} />
      <div className="cs-group" role="group" aria-label="File">
        <OpenTool limit={state.limit} />
        {recent({
          button: `cs-button cs-button--quiet ${styles.tool}`,
          text: styles.toolText ?? "",
        })}
        <Tool
          path={SAVE}
          label="Save"
          tip={`Save the model and its table as a file (${MOD} S)`}
          text
          act={() => send({ type: "save-model" })}
        />
      </div>
      <span className="cs-divider" />
      <div className="cs-group" role="group" aria-label="Start">
        <ChoiceMenu
          label="Templates"
          tip="Start from a template"
          path={TEMPLATES}
          entries={state.templates}
          choose={(name) => send({ type: "start-template", name })}
        />
        <ChoiceMenu
          label="Examples"
          tip="Load a built-in table"
          path={EXAMPLES}
          entries={state.examples}
          choose={(name) => send({ type: "propose-example", name })}
        />
      </div>
      <span className={styles.spacer} />
      {areas}
      <span className={styles.spacer} />
      <div className="cs-group" role="group" aria-label="History">
        <Tool
          path={UNDO}
          label="Undo"
          tip={undo === null ? "Nothing to undo" : `Undo: ${undo} (${MOD} Z)`}
          disabled={undo === null}
          act={() => send({ type: "undo-step" })}
        />
        <Tool
          path={REDO}
          label="Redo"
          tip={redo === null ? "Nothing to redo" : `Redo: ${redo} (${MOD} Shift Z)`}
          disabled={redo === null}
          act={() => send({ type: "redo-step" })}
        />
      </div>
      <div className={styles.panes}>
        <span className={`cs-divider ${styles.wide}`} />
        {panes}
      </div>
      <div className="cs-group" role="group" aria-label="Page">
        <Theme />
        <Tool path={HELP} label="Help" tip="Help and shortcuts (?)" last act={() => stage.ask("help")} />
      </div>
    </div>
  );
}
