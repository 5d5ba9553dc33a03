// The main job in Firefox, as a plant breeder does it: from an empty page to a fitted, exported and saved model.
//
// COVSTUDIO_STORY is the path of a JSON with what `Story` says; tests/studio/test_firefox.py writes it, and looks at what is left.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Firefox, start } from "./browser";
import { once, Studio, type Thing } from "./studio";

interface Story {
  /** The browser to drive, and where the studio is served. */
  firefox: string;
  url: string;
  /** A csv file; what is saved goes into the folder. */
  table: string;
  folder: string;
  /** What is taken from the palette: title, its name, what its output is wired into. */
  pieces: [title: string, name: string, end: [parent: string, slot: string]][];
  factors: Record<string, string[]>;
  variances: Record<string, number>;
  fixed: Record<string, [estimate: number, error: number]>;
  loglik: string;
}

const story = JSON.parse(readFileSync(process.env.COVSTUDIO_STORY!, "utf8")) as Story;
const CALLED = "σ² of genotype variance";

let firefox: Firefox;
let studio: Studio;

beforeAll(async () => {
  firefox = await start(story.firefox, story.folder);
  studio = new Studio(firefox.page, story.url);
});
afterAll(() => firefox?.close());
afterEach(() => expect(firefox.trouble).toEqual([]));

/** A slider, and the field beside it. */
const slider = () => studio.role("slider", CALLED, studio.details);
const field = () => studio.role("textbox", `Value of ${CALLED}`, studio.details);
const value = async () => Number(await studio.valueOf(field()));
const v = () => studio.role("image", "Heatmap of V", studio.slices);

/** What a picture shows, to the pixel. */
const painted = async (picture: Thing) =>
  (await picture()).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());

/** Wait until a picture shows something else. */
const repainted = (picture: Thing, before: string) =>
  expect.poll(() => painted(picture), { timeout: 60_000 }).not.toBe(before);

/** A number of a table, by the name in its row; a short cell has all its digits in its hint. */
async function cell(table: Thing, name: string, column: number): Promise<number> {
  const text = await (await table()).evaluate(
    (region, wanted, at) => {
      const rows = [...region.querySelectorAll("tr")].map((row) => [...row.querySelectorAll("td")]);
      const found = rows.find(([first]) => first?.textContent === wanted)?.[at];
      return found?.title || found?.textContent || "";
    },
    name,
    column,
  );
  return Number(text.replace("−", "-"));
}

/** What stands below the line of a formula is smaller than what it belongs to. */
async function indicesAreSmall(): Promise<void> {
  const formula = await studio.css(">>> math msub")();
  const [letter, index] = await formula.evaluate((sub) =>
    [...sub.children].map((part) => Number.parseFloat(getComputedStyle(part).fontSize)),
  );
  expect(index! / letter!).toBeLessThan(0.9);
}

test("the empty page stands", async () => {
  await studio.open();
  expect(await studio.nodes()).toBe(1);
});

test("every area opens by its key", async () => {
  for (const [index, name] of ["Model", "Matrix", "Data", "Results", "Code"].entries())
    await studio.area(index + 1, name);
});

test("a table is uploaded and its columns confirmed", async () => {
  const data = await studio.area(3, "Data");
  const chooser = await (await data()).$("input[type='file']");
  await chooser!.uploadFile(story.table);
  for (const [column, is] of [
    ["gen", "factor"],
    ["rep", "factor"],
    ["yield", "response"],
  ] as const)
    await studio.holds(studio.role("combobox", `Role of ${column}`, data), is);
  await studio.click(studio.role("button", "Use this table", data));
  await studio.says(data, /in use/);
});

// WebDriver's drag and drop ends at the host of a shadow root, so structures are added by the keyboard, and wired with the mouse.
test("the model is built", async () => {
  await studio.area(1, "Model");
  for (const [index, [title, name, [parent, slot]]] of story.pieces.entries()) {
    await studio.press("Escape"); // what is added to a selection would be wired into it
    const search = studio.role("searchbox", "Find a structure", studio.palette);
    await studio.write(search, title);
    await expect.poll(() => studio.nodes(), { timeout: 60_000 }).toBe(index + 2);
    await studio.settled(); // the inspector shows it, too
    if (index === 0) await indicesAreSmall();
    await studio.write(studio.role("textbox", "Name", studio.details), name);
    await studio.node(name)();
    await studio.wire(name, parent, slot);
    await studio.click(studio.role("button", "Tidy up", studio.model));
    await studio.settled();
  }
  for (const [node, columns] of Object.entries(story.factors)) {
    await studio.select(node);
    for (const column of columns) {
      const box = studio.role("checkbox", column, studio.role("group", "Factors", studio.details));
      await studio.click(box);
      await studio.is(box, (input) => (input as HTMLInputElement).checked, true);
    }
  }
  const label = (node: Element) => node.getAttribute("aria-label");
  await studio.is(studio.node("V"), label, expect.stringContaining("72 × 72"));
});

test("a slider moves, and V follows, by mouse and by keyboard", async () => {
  await studio.select("V");
  await repainted(v(), await studio.page.evaluate(() => document.createElement("canvas").toDataURL()));
  const number = await value();
  let before = await painted(v());
  await studio.slide(slider(), 0.55, 0.7, 0.8);
  await repainted(v(), before);
  expect(await value()).toBeGreaterThan(number);

  await studio.settled();
  const dragged = await value();
  before = await painted(v());
  await (await slider()()).focus();
  await studio.press("Shift", "ArrowLeft");
  await repainted(v(), before);
  expect(await value()).toBeLessThan(dragged);
});

test("it is fitted, and the estimates are those that are published", async () => {
  const area = await studio.area(4, "Results");
  await studio.holds(studio.role("combobox", "Response", area), "yield");
  await studio.write(studio.role("textbox", "Fixed effects", area), "1 + rep");
  await studio.says(area, /3 columns of X/);
  await studio.click(studio.role("button", "Fit", area));
  const results = once(studio.role("region", "Results", area));
  await studio.says(results, new RegExp(story.loglik));
  const variances = once(studio.role("region", "Variance components", results));
  for (const [name, estimate] of Object.entries(story.variances))
    expect(await cell(variances, name, 1)).toBeCloseTo(estimate, 6);
  const fixed = once(studio.role("region", "Fixed effects", results));
  for (const [name, [estimate, error]] of Object.entries(story.fixed)) {
    expect(await cell(fixed, name, 1)).toBeCloseTo(estimate, 6);
    expect(await cell(fixed, name, 2)).toBeCloseTo(error, 6);
  }
});

test("undo takes the estimates back, and redo brings them again", async () => {
  await studio.area(1, "Model");
  const estimate = /^0\.1429/;
  await studio.holds(field(), expect.stringMatching(estimate));
  await studio.press("Control", "z");
  await studio.holds(field(), expect.not.stringMatching(estimate));
  await studio.press("Control", "Shift", "Z");
  await studio.holds(field(), expect.stringMatching(estimate));
});

test("the program goes onto the clipboard, and the model into a file", async () => {
  const code = await studio.area(5, "Code");
  await studio.click(studio.role("button", "Copy code", code));
  // Read as anybody can read a clipboard: into a field of another page.
  const other = await firefox.browser.newPage();
  await other.setContent("<textarea></textarea>");
  const area = (await other.$("textarea"))!;
  async function pasted(): Promise<string> {
    await area.focus();
    await other.keyboard.down("Control");
    await other.keyboard.press("a");
    await other.keyboard.press("v");
    await other.keyboard.up("Control");
    return area.evaluate(({ value }) => value);
  }
  await expect.poll(pasted, { timeout: 60_000 }).toMatch(/import torch[\s\S]+if __name__ ==/);
  writeFileSync(join(story.folder, "copied.py"), await pasted());
  await other.close();

  const before = new Set(readdirSync(story.folder));
  await studio.click(studio.role("button", "Save", studio.bar));
  const saved = () => readdirSync(story.folder).filter((file) => !before.has(file));
  await expect.poll(saved, { timeout: 60_000 }).toEqual([expect.stringMatching(/\.json$/)]);
});
