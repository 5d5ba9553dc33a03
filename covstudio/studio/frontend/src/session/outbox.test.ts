import { expect, test, vi } from "vitest";
import { Outbox, type Said } from "./outbox";
import { tab } from "./tab";

const edit = (type: string) => ({ type });

function heard(): [Outbox, string[]] {
  const all: string[] = [];
  return [
    new Outbox(({ n, message, again }: Said) => all.push(`${n} ${message.type}${again ? " again" : ""}`)),
    all,
  ];
}

test("what is said without a line waits, and comes after what may have been missed", () => {
  const [box, all] = heard();
  box.send("bar", edit("a"));
  box.hold();
  box.send("bar", edit("b"));
  expect(all).toEqual(["1 a"]);
  box.release();
  expect(all).toEqual(["1 a", "1 a", "2 b"]);
  box.send("bar", edit("c"));
  expect(all.at(-1)).toBe("3 c");
});

test("a page that was taken down says nothing more", () => {
  const [box, all] = heard();
  box.send("bar", edit("a"));
  box.end();
  box.send("bar", edit("b"));
  expect(all).toEqual(["1 a"]);
});

test("a new session hears what no draft has, under numbers of its own", () => {
  const [box, all] = heard();
  box.send("frame", edit("ready"));
  const said = [5, 6, 7].map((n): Said => ({ view: "bar", message: edit(`old${n}`), n }));
  box.takeOver({ sent: 7, said });
  box.repeat(5);
  box.send("bar", edit("new"));
  expect(all).toEqual(["1 ready", "8 old6 again", "9 old7 again", "10 new"]);
});

test("what was taken over is left again by a page that goes before it is said", () => {
  const kept = new Map<string, string>();
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
  const [box] = heard();
  const left = { sent: 7, said: [{ view: "bar", message: edit("old"), n: 7 }] };
  box.takeOver(left);
  box.send("frame", edit("ready"));
  box.leave();
  expect(tab.takeLeft()).toEqual(left);
  box.repeat(5);
  box.leave();
  expect(tab.takeLeft()?.said.map(({ n }) => n)).toEqual([1, 8]);
  vi.unstubAllGlobals();
});

test("of a file only the last pieces are remembered", () => {
  const [box, all] = heard();
  for (let piece = 0; piece < 40; piece++) box.send("data", edit("chunk"));
  box.send("bar", edit("a"));
  all.length = 0;
  box.release();
  expect(all).toHaveLength(17);
  expect(all.at(-1)).toBe("41 a");
});

test("what was forgotten is not said again", () => {
  const [box, all] = heard();
  box.send("bar", edit("a"));
  box.forget();
  box.release();
  expect(all).toEqual(["1 a"]);
});
