// The menu of a node: by the button on its card, by a right click, or by Shift+F10. It is also how one wires without a mouse: it
// lists every slot that the node may go into, and says of the others why not.

import { useRef } from "react";
import { Header } from "react-aria-components/Header";
import { Menu, MenuItem, MenuSection } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";
import type { NodeActions } from "../session/messages";
import { Icon } from "../ui/Icon";
import type { Anchor } from "./acts";
import styles from "./menu.module.css";

const ICONS = {
  rename: "M9.5 3.5l3 3|M3 13l.7-3L10.5 3a1.2 1.2 0 0 1 1.7 0l.8.8a1.2 1.2 0 0 1 0 1.7L6 12.3 3 13Z",
  copy: "M5.5 5.5h7v7h-7z|M3.5 10.5v-7h7",
  unwire: "M6.5 9.5l3-3|M7 4.5 8.5 3a3 3 0 0 1 4.5 4.5L11.5 9|M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7",
  remove: "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5l.6 8.5h5.8l.6-8.5",
  wire: "M3 8h8|M8 4.5 11.5 8 8 11.5|M13.5 3.5v9",
  show: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z|M8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2Z",
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

export interface OpenMenu {
  name: string;
  at: Anchor;
  sections: Section[];
}

export function ContextMenu({ menu, close }: { menu: OpenMenu | null; close: () => void }) {
  const anchor = useRef<HTMLSpanElement>(null);
  return (
    <>
      <span
        ref={anchor}
        className={styles.anchor}
        style={menu ? { left: menu.at.left, top: menu.at.bottom } : undefined}
        aria-hidden="true"
      />
      <Popover
        triggerRef={anchor}
        isOpen={menu !== null}
        onOpenChange={(open) => !open && close()}
        placement="bottom start"
        offset={4}
        className={`cs-root cs-menu ${styles.menu}`}
      >
        {menu && (
          <Menu aria-label={menu.name} autoFocus="first" className={styles.list} onClose={close}>
            {menu.sections.map((section, index) => (
              <Part key={section.title ?? index} section={section} first={index === 0} />
            ))}
          </Menu>
        )}
      </Popover>
    </>
  );
}

function Part({ section, first }: { section: Section; first: boolean }) {
  return (
    <>
      {!first && <Separator className="cs-menu__line" />}
      <MenuSection aria-label={section.title ?? "Actions"}>
        {section.title && <Header className="cs-menu__title">{section.title}</Header>}
        {section.items.map((item) => (
          <Line key={item.label ?? item.name} item={item} />
        ))}
      </MenuSection>
    </>
  );
}

function Line({ item }: { item: Item }) {
  const label = item.label ?? item.name;
  return (
    <MenuItem
      id={label}
      textValue={label}
      aria-label={label}
      className={`cs-menu__item ${styles.item}`}
      data-refused={item.refused || undefined}
      onAction={item.run}
    >
      <Icon path={ICONS[item.icon]} size={14} />
      <span>
        {item.name}
        {item.about && <small>{item.about}</small>}
      </span>
      {item.keys && <kbd className={styles.keys}>{item.keys}</kbd>}
    </MenuItem>
  );
}

/** What may be done with a node. */
export function nodeSections(
  actions: NodeActions,
  act: {
    rename(): void;
    duplicate(): void;
    show(): void;
    unwire(): void;
    wire(parent: string, slot: string): void;
    remove(): void;
  },
): Section[] {
  const first: Item[] = [
    { name: "Rename", icon: "rename", keys: "F2", run: act.rename },
    { name: "Duplicate", icon: "copy", keys: "Ctrl D", run: act.duplicate },
    { name: "Show large", icon: "show", run: act.show },
  ];
  if (actions.connected) first.push({ name: "Take out of its slot", icon: "unwire", run: act.unwire });
  return [
    { items: first },
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
    { items: [{ name: "Delete", icon: "remove", keys: "Del", run: act.remove }] },
  ];
}
