// One of a few: a row of buttons of which one is pressed.

import { Radio, RadioGroup } from "react-aria-components/RadioGroup";
import styles from "./modes.module.css";

export interface Choice<T extends string> {
  value: T;
  text: string;
  /** Why it cannot be chosen now. */
  disabled?: string | undefined;
}

export function Modes<T extends string>({
  label,
  value,
  choices,
  choose,
}: {
  label: string;
  value: T;
  choices: readonly Choice<T>[];
  choose: (value: T) => void;
}) {
  return (
    <RadioGroup
      className={styles.modes!}
      aria-label={label}
      orientation="horizontal"
      value={value}
      onChange={(chosen) => choose(chosen as T)}
    >
      {choices.map((choice) => (
        <Radio
          key={choice.value}
          className={styles.mode!}
          value={choice.value}
          isDisabled={choice.disabled !== undefined}
        >
          <span title={choice.disabled}>{choice.text}</span>
        </Radio>
      ))}
    </RadioGroup>
  );
}
