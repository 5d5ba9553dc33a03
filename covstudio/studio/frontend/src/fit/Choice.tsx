// One of a few ways to fit: a row of buttons, and a line about the one that is chosen.

import { useId } from "react";
import { Label, Radio, RadioGroup } from "react-aria-components";
import setup from "./setup.module.css";

export interface Option {
  title: string;
  note: string;
  closed?: boolean;
}

export function Choice<Name extends string>({
  label,
  options,
  chosen,
  disabled,
  choose,
}: {
  label: string;
  options: Record<Name, Option>;
  chosen: Name;
  disabled: boolean;
  choose: (name: Name) => void;
}) {
  const note = useId();
  return (
    <RadioGroup
      // Not the library's own slot for descriptions: it looks for it in the document, and the page stands in a shadow root.
      aria-describedby={note}
      className={setup.choice}
      orientation="horizontal"
      value={chosen}
      isDisabled={disabled}
      onChange={(name) => choose(name as Name)}
    >
      <Label className="cs-label">{label}</Label>
      <div className={setup.modes} title={options[chosen].note}>
        {(Object.keys(options) as Name[]).map((name) => (
          <Radio key={name} value={name} isDisabled={options[name].closed ?? false} className={setup.mode}>
            {options[name].title}
          </Radio>
        ))}
      </div>
      <span id={note} className={`cs-note ${setup.note}`}>
        {options[chosen].note}
      </span>
    </RadioGroup>
  );
}
