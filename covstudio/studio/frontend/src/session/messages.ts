// Made by `make frontend` from the messages declared in Python. Do not edit.

export interface Wires {
  code: {
    down: CopyText;
    state: CodeState;
    up: Copy | Download | Language;
  };
  frame: {
    down: never;
    state: FrameState;
    up: never;
  };
}
/**
 * A text for the clipboard.
 */
export interface CopyText {
  text: string;
  type: "copy-text";
}
/**
 * The program, or why there is none.
 */
export interface CodeState {
  code: string | null;
  keywords: string[];
  language: string;
  languages: CodeLanguage[];
  long: boolean;
  name: string;
  problems: string[];
  reason: string | null;
}
/**
 * A language that has an exporter.
 */
export interface CodeLanguage {
  label: string;
  name: string;
}
/**
 * The whole program is wanted on the clipboard; the page holds only its beginning.
 */
export interface Copy {
  type: "copy";
}
/**
 * The program is wanted as a file.
 */
export interface Download {
  type: "download";
}
/**
 * The program is wanted in another language.
 */
export interface Language {
  name: string;
  type: "language";
}
/**
 * What stands in the frame.
 */
export interface FrameState {
  tabs: FrameTab[];
}
/**
 * A tab of the details.
 */
export interface FrameTab {
  name: string;
  title: string;
}
