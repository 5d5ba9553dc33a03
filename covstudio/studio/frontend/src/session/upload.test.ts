import { expect, test } from "vitest";
import type { Chunk } from "./messages";
import { stopUpload, tooLarge, upload } from "./upload";

async function sent(file: File): Promise<{ pieces: Chunk[]; shares: number[]; troubles: string[] }> {
  const pieces: Chunk[] = [];
  const shares: number[] = [];
  const troubles: string[] = [];
  await upload({
    purpose: "table",
    file,
    send: (piece) => pieces.push(piece),
    refuse: (trouble) => troubles.push(trouble),
    progress: (share) => shares.push(share),
  });
  return { pieces, shares, troubles };
}

test("the pieces together are the file, in order", async () => {
  const bytes = new Uint8Array(2.5 * 2 ** 20).map((_, at) => at % 251);
  const { pieces, shares } = await sent(new File([bytes], "oats.csv"));
  expect(pieces.map((piece) => [piece.index, piece.total, piece.size, piece.name])).toEqual(
    [0, 1, 2].map((index) => [index, 3, bytes.length, "oats.csv"]),
  );
  expect(new Set(pieces.map((piece) => piece.id)).size).toBe(1);
  expect(shares).toEqual([1 / 3, 2 / 3, 1]);
  const whole = new Uint8Array(await new Blob(pieces.map((piece) => piece.data)).arrayBuffer());
  expect(whole.length).toBe(bytes.length);
  expect(whole.every((byte, at) => byte === bytes[at])).toBe(true);
});

test("an empty file is one empty piece", async () => {
  const { pieces } = await sent(new File([], "empty.csv"));
  expect(pieces.map((piece) => [piece.index, piece.total, piece.data.byteLength])).toEqual([[0, 1, 0]]);
});

test("a file that is gone is told of", async () => {
  const gone = new File(["a"], "gone.csv");
  gone.slice = () => {
    throw new Error("not found");
  };
  expect((await sent(gone)).troubles).toEqual(["gone.csv could not be read: not found"]);
});

test("nothing is sent after somebody has cancelled, or has chosen another file", async () => {
  const large = new File([new Uint8Array(3 * 2 ** 20)], "large.csv");
  const pieces: string[] = [];
  const send = (piece: Chunk) => {
    pieces.push(`${piece.name} ${piece.index}`);
    if (piece.name === "large.csv") stopUpload("table");
  };
  const about = { purpose: "table", refuse: () => {} };
  await upload({ ...about, file: large, send });
  expect(pieces).toEqual(["large.csv 0"]);
  const replaced = upload({ ...about, file: large, send });
  await upload({ ...about, file: new File(["a"], "small.csv"), send });
  await replaced;
  expect(pieces).toEqual(["large.csv 0", "small.csv 0"]);
  const beside = upload({ ...about, file: new File(["b"], "other.csv"), send });
  stopUpload("relation");
  await beside;
  expect(pieces.at(-1)).toBe("other.csv 0");
});

test("a large file is refused with both sizes", () => {
  expect(tooLarge({ name: "a.json", size: 250_000_001 }, 250_000_000, "opened.")).toBe(
    "a.json is 250.0 MB; at most 250 MB can be opened.",
  );
  expect(tooLarge({ name: "a.json", size: 250_000_000 }, 250_000_000, "opened.")).toBeNull();
});
