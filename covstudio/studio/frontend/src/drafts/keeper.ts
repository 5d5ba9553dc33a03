// Keeps the work of this tab in the browser, and brings it back: after a reload by itself, from the list of drafts on demand.

import { painterOf } from "../painter/painter";
import type { Connection, Down } from "../session/connection";
import {
  bundle,
  copy,
  forget,
  type Head,
  headOf,
  keep,
  list,
  partsKept,
  partsOf,
  tooMany,
} from "../session/drafts";
import type { Chunk, Draft } from "../session/messages";
import { Owner, unique } from "../session/owner";
import { tab } from "../session/tab";
import { upload } from "../session/upload";
import { sketch } from "./sketch";

type Bytes = Uint8Array<ArrayBuffer>;

/** CSS pixels of the picture of a draft. */
const PICTURE = 96;

export class Keeper {
  private id = "";
  private fresh = new Map<string, Bytes>();
  private kept = new Set<string>();
  private readonly owner = new Owner(() => this.forgotten());
  /** What is done with the storage, one after the other. */
  private turn: Promise<unknown>;
  private begun: () => void = () => {};
  private returned: ((trouble: string | null) => void) | null = null;
  private told = false;
  private readonly troubles = new Map<string, string>();
  private readonly ends: (() => void)[];
  private readonly leave = () => this.connection.outbox.leave();

  constructor(private readonly connection: Connection) {
    this.turn = new Promise<void>((begun) => {
      this.begun = begun;
    });
    window.addEventListener("pagehide", this.leave);
    this.ends = [
      connection.hear("drafts", (message, data) => this.hear(message, data)),
      () => window.removeEventListener("pagehide", this.leave),
      () => this.owner.close(),
    ];
  }

  close(): void {
    for (const end of this.ends) end();
  }

  /** Take up what this tab had, if it had anything; resolves when it is there. */
  async start(): Promise<void> {
    const own = tab.draft;
    const { outbox } = this.connection;
    const left = tab.takeLeft();
    outbox.takeOver(own === null ? null : left);
    let head: Head | null = null;
    try {
      if (own !== null) {
        const free = await this.owner.take(own);
        head = await headOf(own);
        if (free) this.id = own;
        else if (head !== null) head = await copy(head, await this.fresher());
      }
    } catch (error) {
      this.complain(error);
    }
    if (this.id === "") await this.fresher();
    const back = head === null || (await this.bringBack(head));
    outbox.repeat(back ? (head?.draft.heard ?? 0) : null);
    this.begun();
  }

  /** All drafts there are, the latest first. */
  async all(): Promise<Head[]> {
    await this.turn;
    return list();
  }

  /** Whether a draft is the one that this tab is writing. */
  isOwn(head: Head): boolean {
    return head.id === this.id;
  }

  /** Go on with a draft; what was here stays a draft of its own. */
  async open(head: Head): Promise<void> {
    await this.turn;
    const before = this.id;
    if (await this.owner.take(head.id)) this.become(head.id);
    else head = await copy(head, await this.fresher());
    if (!(await this.bringBack(head)) && (await this.owner.take(before))) this.become(before);
  }

  /** Why a draft could not be gone on with, where that was tried. */
  trouble(head: Head): string | null {
    return this.troubles.get(head.id) ?? null;
  }

  /** Have its model as a file, whatever else of it cannot be read. */
  async saveModel(head: Head): Promise<void> {
    await this.turn;
    await this.hand("draft-file", head, (text) =>
      this.connection.send("status", { type: "refuse-file", text }),
    );
  }

  async remove(head: Head): Promise<void> {
    await this.do(() => forget([head.id]));
    if (this.isOwn(head)) this.lose();
  }

  /** Forget all drafts of all tabs. */
  async forgetAll(): Promise<void> {
    await this.do(async () => forget((await list()).map(({ id }) => id)));
    this.owner.tellForgotten();
    this.forgotten();
  }

  // --- bringing back -------------------------------------------------------------------------------------------------

  private async bringBack(head: Head): Promise<boolean> {
    const answer = new Promise<string | null>((known) => {
      this.returned = known;
    });
    this.kept = new Set(partsOf(head.draft));
    await this.hand("draft", head, (text) => this.returned?.(text));
    const trouble = await answer;
    this.returned = null;
    if (trouble === null) this.troubles.delete(head.id);
    else this.troubles.set(head.id, trouble);
    if (trouble !== null && this.isOwn(head)) await this.fresher(); // the draft stays for a better time
    return trouble === null;
  }

  private async hand(purpose: string, head: Head, refuse: (text: string) => void): Promise<void> {
    const send = (piece: Chunk) => this.connection.send("drafts", piece);
    await upload({ purpose, file: await bundle(head), send, refuse });
  }

  private become(id: string): void {
    this.id = tab.draft = id;
    this.kept = new Set();
  }

  /** Begin a draft of this tab's own. */
  private async fresher(): Promise<string> {
    const id = unique();
    await this.owner.take(id);
    this.become(id);
    return id;
  }

  // --- keeping -------------------------------------------------------------------------------------------------------

  private hear(message: Down<"drafts">, data: Bytes | undefined): void {
    if (message.type === "keep-part") this.fresh.set(message.part, (data ?? new Uint8Array()).slice());
    else if (message.type === "draft-back") this.returned?.(message.trouble);
    else {
      const { draft } = message;
      const { fresh } = this;
      this.fresh = new Map();
      void this.do(() => this.write(draft, fresh));
    }
  }

  private async write(draft: Draft, fresh: Map<string, Bytes>): Promise<void> {
    const wanted = new Set(partsOf(draft));
    if ([...wanted].some((part) => !fresh.has(part) && !this.kept.has(part))) {
      this.kept = new Set();
      this.connection.send("drafts", { type: "send-all" });
      return;
    }
    const gone = [...this.kept].filter((part) => !wanted.has(part));
    const picture = painterOf(this.connection).portrait("V", PICTURE) ?? sketch(this.connection, PICTURE);
    const head: Head = { id: this.id, title: draft.title, saved: Date.now(), picture, draft };
    const first = this.kept.size === 0;
    if (first) gone.push(...(await partsKept(this.id)).filter((part) => !wanted.has(part)));
    await keep(head, fresh, gone);
    this.kept = wanted;
    if (first) await forget(tooMany(await list(), await this.owner.open()));
  }

  private do<T>(act: () => Promise<T>): Promise<T | undefined> {
    const done = this.turn.then(act).catch((error: unknown) => this.complain(error));
    this.turn = done;
    return done as Promise<T | undefined>;
  }

  private forgotten(): void {
    this.lose();
    this.connection.send("drafts", { type: "forget-work" });
  }

  private lose(): void {
    this.kept = new Set();
    this.connection.outbox.forget();
  }

  private complain(error: unknown): undefined {
    if (this.told) return;
    this.told = true;
    const text = error instanceof Error ? error.message || error.name : String(error);
    this.connection.send("drafts", { type: "not-kept", text });
  }
}

const keepers = new WeakMap<Connection, Keeper>();

/** The keeper of a session, where drafts are kept: not in a notebook. */
export function keeperOf(connection: Connection): Keeper | null {
  if (connection.state("drafts") === null) return null;
  let keeper = keepers.get(connection);
  if (!keeper) {
    keeper = new Keeper(connection);
    keepers.set(connection, keeper);
  }
  return keeper;
}
