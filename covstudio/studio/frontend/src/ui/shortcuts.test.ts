import { expect, test } from "vitest";
import { commandOf, numberOf, type Place, SHORTCUTS } from "./shortcuts";

const press = (key: string, held: Partial<Record<"alt" | "ctrl" | "meta" | "shift", boolean>> = {}) => ({
  key,
  code: /^\d$/.test(key) ? `Digit${key}` : "",
  altKey: held.alt ?? false,
  ctrlKey: held.ctrl ?? false,
  metaKey: held.meta ?? false,
  shiftKey: held.shift ?? false,
});
const at = (place: Place, ...keys: Parameters<typeof press>) => commandOf(press(...keys), place, false);

test("a text keeps its own undo, and everything else has the model's", () => {
  for (const [key, shift] of [
    ["z", false],
    ["Z", true],
    ["y", false],
  ] as const) {
    expect(at("text", key, { ctrl: true, shift })).toBeNull();
    expect(at("choice", key, { ctrl: true, shift })).toBe(key === "z" ? "undo" : "redo");
    expect(at("answered", key, { ctrl: true, shift })).toBe(key === "z" ? "undo" : "redo");
    expect(at("page", key, { ctrl: true, shift })).toBe(key === "z" ? "undo" : "redo");
  }
});

test("files are saved and opened, and the model is fitted, from anywhere", () => {
  for (const place of ["text", "answered", "choice", "page"] as const) {
    expect(at(place, "s", { ctrl: true })).toBe("save");
    expect(at(place, "o", { ctrl: true })).toBe("open");
    expect(at(place, "Enter", { ctrl: true })).toBe("fit");
  }
});

test("signs are keys only where nothing is written or chosen", () => {
  expect(at("page", "/")).toBe("search");
  expect(at("page", "?", { shift: true })).toBe("help");
  expect(at("page", "=")).toBe("derive");
  for (const place of ["text", "answered", "choice"] as const)
    for (const sign of ["/", "="]) expect(at(place, sign)).toBeNull();
  expect(at("page", "/", { ctrl: true })).toBeNull();
  expect(at("page", "s", { alt: true, ctrl: true })).toBeNull();
});

test("the command key is the machine's own", () => {
  expect(commandOf(press("z", { meta: true }), "page", true)).toBe("undo");
  expect(commandOf(press("z", { ctrl: true }), "page", true)).toBeNull();
  expect(commandOf(press("z", { meta: true }), "page", false)).toBeNull();
});

test("Alt and a digit are a place, by the key and not by what it types", () => {
  expect(numberOf(press("4", { alt: true }))).toBe(3);
  expect(numberOf({ ...press("¢", { alt: true }), code: "Digit4" })).toBe(3);
  expect(numberOf(press("0", { alt: true }))).toBeNull();
  expect(numberOf(press("4"))).toBeNull();
  expect(numberOf(press("4", { alt: true, ctrl: true }))).toBeNull();
});

test("the help lists every command once", () => {
  const commands = SHORTCUTS.flatMap(({ command }) => command ?? []);
  expect([...commands].sort()).toEqual(["derive", "fit", "help", "open", "redo", "save", "search", "undo"]);
});
