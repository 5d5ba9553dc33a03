// A menu of the canvas: by a right click, a long press, the button on a card, or Shift+F10. What it holds is in menus.ts.

import { useRef } from "react";
import { Header } from "react-aria-components/Header";
import { Menu, MenuItem, MenuSection } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Separator } from "react-aria-components/Separator";
import { Icon } from "../ui/Icon";
import type { Anchor } from "./acts";
import styles from "./menu.module.css";
import { ICONS, type Item, type Section } from "./menus";

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
        aria-label={menu?.name}
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
      aria-label={item.label}
      className={`cs-menu__item ${styles.item}`}
      data-refused={item.refused || undefined}
      onAction={item.run}
    >
      <Icon path={ICONS[item.icon]} size={14} />
      <span>
        {item.name}
        {item.about && <small>{item.about}</small>}
      </span>
      {item.keys && (
        <span className={styles.keys} aria-hidden="true">
          {item.keys}
        </span>
      )}
    </MenuItem>
  );
}
