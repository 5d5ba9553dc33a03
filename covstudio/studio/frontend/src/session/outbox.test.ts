import { expect, test } from "vitest";
import { Outbox, type Said } from "./outbox";

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

test("a new session hears what no draft has, under numbers of its own", () => {
  const [box, all] = heard();
  box.send("frame", edit("ready"));
  const said = [5, 6, 7].map((n): Said => ({ view: "bar", message: edit(`old${n}`), n }));
  box.repeat({ sent: 7, said }, 5);
  box.send("bar", edit("new"));
  expect(all).toEqual(["1 ready", "8 old6 again", "9 old7 again", "10 new"]);
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
