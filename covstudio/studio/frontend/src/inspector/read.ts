// Reads what was typed for an argument, as far as that is to be said before it is handed over.

/** A text as a value of an argument, or what is wrong with it. */
export type Read = (text: string) => { value: number | string } | { problem: string };

export const readWhole: Read = (text) =>
  /^\d+$/.test(text) ? { value: Number(text) } : { problem: "Write a whole number, such as 24." };

export const readNumber: Read = (text) => {
  const value = Number(text.replace("−", "-").replace(",", "."));
  return text !== "" && Number.isFinite(value)
    ? { value }
    : { problem: "Write a number, such as 0.25 or 1e-3." };
};

/** Positions stay the text that they are: what cannot be read is told of where it was typed. */
export const readIndices: Read = (text) => {
  const wrong = text
    .replace(/\s*[-\u2013\u2212]\s*/g, "-")
    .split(/[\s,;]+/)
    .find((part) => part !== "" && !/^\d+(-\d+)?$/.test(part));
  return wrong === undefined
    ? { value: text }
    : { problem: `'${wrong}' is no position; write positions counted from 0, such as "0, 2, 5-8".` };
};
