// What the menus of the canvas hold. That of a node is also how one wires without a mouse: it lists every slot that the node may go
// into, and says of the others why not.

import type { NodeActions } from "../session/messages";
import { MOD } from "../ui/shortcuts";

export const ICONS = {
  add: "M8 3.5v9|M3.5 8h9",
  rename: "M9.5 3.5l3 3|M3 13l.7-3L10.5 3a1.2 1.2 0 0 1 1.7 0l.8.8a1.2 1.2 0 0 1 0 1.7L6 12.3 3 13Z",
  duplicate: "M5.5 5.5h7v7h-7z|M3.5 10.5v-7h7",
  copy: "M5 4h6v9.5H5z|M6.5 2.5h3v2h-3z",
  cut: "M4 3l7 7|M12 3l-7 7|M3 11.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0|M10 11.5a1.5 1.5 0 1 0 3 0 1.5 1.5 0 0 0-3 0",
  paste: "M4.5 3.5h7v10h-7z|M6.5 2.5h3v2h-3z|M8 7v4|M6.3 9.3 8 11l1.7-1.7",
  unwire: "M6.5 9.5l3-3|M7 4.5 8.5 3a3 3 0 0 1 4.5 4.5L11.5 9|M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7",
  remove: "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5l.6 8.5h5.8l.6-8.5",
  wire: "M3 8h8|M8 4.5 11.5 8 8 11.5|M13.5 3.5v9",
  swap: "M5 3v9|M3 10l2 2.5L7 10|M11 13V4|M9 6l2-2.5L13 6",
  show: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z|M8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2Z",
  all: "M3 3h4v4H3z|M9 3h4v4H9z|M3 9h4v4H3z|M9 9h4v4H9z",
  tidy: "M2 3.5h4v3H2z|M2 9.5h4v3H2z|M10 6.5h4v3h-4z|M6 5h2v6H6|M8 8h2",
  fit: "M2.5 6V2.5H6|M10 2.5h3.5V6|M13.5 10v3.5H10|M6 13.5H2.5V10",
};

export interface Item {
  name: string;
  icon: keyof typeof ICONS;
  /** What follows under the name, such as why it cannot be done. */
  about?: string;
  refused?: boolean;
  label?: string;
  keys?: string;
  run(): void;
}

export interface Section {
  title?: string;
  items: Item[];
}

/** What a menu may do with some nodes. */
interface NodeActs {
  duplicate(): void;
  copy(cut: boolean): void;
  remove(): void;
}

const clipboard = (act: NodeActs): Item[] => [
  { name: "Duplicate", icon: "duplicate", keys: `${MOD} D`, run: act.duplicate },
  { name: "Copy", icon: "copy", keys: `${MOD} C`, run: () => act.copy(false) },
  { name: "Cut", icon: "cut", keys: `${MOD} X`, run: () => act.copy(true) },
];

const remove = (act: NodeActs): Item => ({ name: "Delete", icon: "remove", keys: "Del", run: act.remove });

export function nodeMenu(
  actions: NodeActions,
  act: NodeActs & {
    rename(): void;
    show(): void;
    wrap(): void;
    unwire(): void;
    wire(parent: string, slot: string): void;
    swap(parent: string, first: string, second: string): void;
  },
): Section[] {
  const place: Item[] = [{ name: "Wrap in…", icon: "add", run: act.wrap }];
  for (const { parent, first, second, label } of actions.swaps)
    place.push({ name: label, icon: "swap", run: () => act.swap(parent, first, second) });
  if (actions.connected) place.push({ name: "Take out of its slot", icon: "unwire", run: act.unwire });
  return [
    {
      items: [
        { name: "Rename", icon: "rename", keys: "F2", run: act.rename },
        { name: "Show large", icon: "show", run: act.show },
        ...clipboard(act),
      ],
    },
    { items: place },
    {
      title: actions.targets.length ? "Wire into" : "There is no free slot to wire into.",
      items: actions.targets.map((target) => ({
        name: target.label,
        icon: "wire",
        label: target.reason ? `${target.label}: ${target.reason}` : `Wire into ${target.label}`,
        about: target.reason ?? undefined,
        refused: target.reason !== null,
        run: () => act.wire(target.parent, target.slot),
      })),
    },
    { items: [remove(act)] },
  ];
}

export function selectionMenu(act: NodeActs): Section[] {
  return [{ items: [...clipboard(act), remove(act)] }];
}

export function resultMenu(
  connected: boolean,
  act: { show(): void; add(): void; unwire(): void },
): Section[] {
  const items: Item[] = connected
    ? [
        { name: "Show large", icon: "show", run: act.show },
        { name: "Take its matrix out", icon: "unwire", run: act.unwire },
      ]
    : [{ name: "Add a structure here…", icon: "add", run: act.add }];
  return [{ items }];
}

export function wireMenu(act: { insert(): void; remove(): void }): Section[] {
  return [
    {
      items: [
        { name: "Insert a structure…", icon: "add", run: act.insert },
        { name: "Take this wire out", icon: "unwire", keys: "Del", run: act.remove },
      ],
    },
  ];
}

export function canvasMenu(act: {
  add(): void;
  paste(): void;
  selectAll(): void;
  tidy(): void;
  fit(): void;
}): Section[] {
  return [
    {
      items: [
        { name: "Add a structure…", icon: "add", keys: "/", run: act.add },
        { name: "Paste", icon: "paste", keys: `${MOD} V`, run: act.paste },
        { name: "Select all", icon: "all", keys: `${MOD} A`, run: act.selectAll },
      ],
    },
    {
      items: [
        { name: "Tidy up", icon: "tidy", keys: "Shift 2", run: act.tidy },
        { name: "Show everything", icon: "fit", keys: "Shift 1", run: act.fit },
      ],
    },
  ];
}
