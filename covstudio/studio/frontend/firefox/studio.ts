// What a person does with the studio, in few words. Things are found by role and name, as Firefox tells them to assistive
// technology; a node of the canvas, whose name goes on with what it is, by how its name begins.

import type { ElementHandle, KeyInput, Page } from "puppeteer-core";
import { expect } from "vitest";

/** Milliseconds after which what has not come will not come. */
const PATIENCE = 60_000;

/** Something on the page, looked for anew each time: it may have been drawn anew. */
export type Thing = () => Promise<ElementHandle>;
type Point = { x: number; y: number };

/** What is found once and stays: to go through much of the page by roles takes Firefox seconds. */
export function once(thing: Thing): Thing {
  let found: Promise<ElementHandle> | null = null;
  return () => {
    found ??= thing();
    return found;
  };
}

const value = (field: Element) => (field as HTMLInputElement).value;

export class Studio {
  readonly bar = once(this.landmark("banner", ""));
  readonly palette = once(this.landmark("complementary", "Palette"));
  readonly model = once(this.landmark("region", "Model"));
  readonly slices = once(this.landmark("region", "Slices"));
  readonly details = once(this.landmark("complementary", "Details"));

  constructor(
    readonly page: Page,
    private readonly url: string,
  ) {
    page.setDefaultTimeout(PATIENCE);
  }

  /** Load the page and wait until it answers. */
  async open(): Promise<void> {
    await this.page.goto(this.url);
    await this.page.waitForSelector("body[data-ready]");
    await this.node("V")();
    await this.settled();
  }

  /** Wait until the server has answered all that was asked of it, and the answers are drawn. */
  async settled(): Promise<void> {
    await this.page.evaluate(async () => {
      const frame = () => new Promise(requestAnimationFrame);
      const bus = window.covstudio!;
      // Twice: Panel holds a message back while an earlier one is being written.
      for (let turn = 0; turn < 2; turn++) {
        await frame();
        await frame();
        await new Promise<void>((answered) => {
          const stop = bus.onFrame(({ seq }) => {
            if (seq < asked) return;
            stop();
            answered();
          });
          const asked = bus.ping();
        });
      }
      await frame();
      await frame();
    });
  }

  // --- finding --------------------------------------------------------------------------------------

  /** A part of the whole page, through shadow roots. */
  private landmark(role: string, name: string): Thing {
    return this.css(`>>> ::-p-aria(${named(role, name)})`);
  }

  /** What has a role and a name, once it can be seen. */
  role(role: string, name: string, within: Thing): Thing {
    return async () => seen(await (await within()).waitForSelector(`::-p-aria(${named(role, name)})`, SEEN));
  }

  css(selector: string): Thing {
    return async () => seen(await this.page.waitForSelector(selector, SEEN));
  }

  /** A node of the canvas. */
  node(name: string): Thing {
    return this.css(nodeOf(name));
  }

  /** A slot of a node, or its output, "out". */
  slot(node: string, slot: string): Thing {
    return this.css(`${nodeOf(node)} .react-flow__handle[data-handleid="${slot}"]`);
  }

  async nodes(): Promise<number> {
    return (await this.page.$$(">>> .react-flow__node")).length;
  }

  // --- waiting for what it says ---------------------------------------------------------------------

  /** Wait until what is read of a thing is what is expected. */
  async is(thing: Thing, read: (element: Element) => unknown, expected: unknown): Promise<void> {
    await expect.poll(async () => (await thing()).evaluate(read), { timeout: PATIENCE }).toEqual(expected);
  }

  async says(thing: Thing, words: RegExp): Promise<void> {
    await this.is(thing, (element) => element.textContent ?? "", expect.stringMatching(words));
  }

  async holds(thing: Thing, expected: unknown): Promise<void> {
    await this.is(thing, value, expected);
  }

  async valueOf(thing: Thing): Promise<string> {
    return (await thing()).evaluate(value);
  }

  // --- doing ----------------------------------------------------------------------------------------

  async click(thing: Thing, offset?: Point): Promise<void> {
    await (await thing()).asLocator().click({ offset });
  }

  /** Write into a field in place of what it holds, and hand it over. */
  async write(thing: Thing, text: string): Promise<void> {
    const field = await thing();
    await field.click({ count: 3 });
    await field.type(text);
    await field.press("Enter");
  }

  /** Press a key while others are held: `press("Alt", "1")`. */
  async press(...keys: KeyInput[]): Promise<void> {
    const held = keys.slice(0, -1);
    for (const key of held) await this.page.keyboard.down(key);
    await this.page.keyboard.press(keys.at(-1)!);
    for (const key of held.reverse()) await this.page.keyboard.up(key);
  }

  /** Open the area of a number by its keys; its view. */
  async area(number: number, name: string): Promise<Thing> {
    await this.press("Alt", `${number}` as KeyInput);
    await this.is(this.role("tab", name, this.bar), (tab) => tab.getAttribute("aria-selected"), "true");
    const panel = once(this.role("tabpanel", name, this.details));
    await panel();
    return panel;
  }

  /** Move the mouse to the middle of a thing, once it stands still. */
  private async rest(thing: Thing): Promise<void> {
    await (await thing()).asLocator().hover();
  }

  /** Select a node by clicking on its head. */
  async select(name: string): Promise<void> {
    await this.settled();
    await this.click(this.node(name), { x: 60, y: 14 });
    await this.settled();
  }

  /** Press the mouse on a place, move it to others one after another, and let it go. */
  async drag(from: Point, ...to: Point[]): Promise<void> {
    const { mouse } = this.page;
    await mouse.move(from.x, from.y);
    await mouse.down();
    for (const place of to) await mouse.move(place.x, place.y, { steps: 8 });
    await mouse.up();
  }

  async box(thing: Thing): Promise<{ x: number; y: number; width: number; height: number }> {
    const box = await (await thing()).boundingBox();
    if (box === null) throw new Error("expected it to have a place on the page");
    return box;
  }

  /** Draw a wire from a node's output to a slot, with the mouse, once both stand still. */
  async wire(child: string, parent: string, slot: string): Promise<void> {
    await this.settled();
    await this.rest(this.slot(child, "out"));
    await this.page.mouse.down();
    await this.rest(this.slot(parent, slot));
    await this.page.mouse.up();
    const drawn = `>>> [role="group"][aria-label="Wire from ${child} into ${parent}"]`; // a level one has no height to be seen
    await expect.poll(() => this.page.$(drawn), { timeout: PATIENCE }).not.toBeNull();
  }

  /** Drag a slider's thumb from place to place; places are shares of its length. */
  async slide(slider: Thing, ...shares: number[]): Promise<void> {
    const { x, y, width, height } = await this.box(slider);
    const radius = 8; // the thumb's middle never reaches the ends of the track
    const at = (share: number) => ({ x: x + radius + share * (width - 2 * radius), y: y + height / 2 });
    await this.drag(at(Number(await this.valueOf(slider)) / 1000), ...shares.map(at));
  }
}

const SEEN = { visible: true, timeout: PATIENCE };

function seen(found: ElementHandle | null): ElementHandle {
  if (found === null) throw new Error("expected it on the page");
  return found;
}

const named = (role: string, name: string) => `${name && `[name="${name}"]`}[role="${role}"]`;
const nodeOf = (name: string) => `>>> .react-flow__node[aria-label^="${name}, "]`;
