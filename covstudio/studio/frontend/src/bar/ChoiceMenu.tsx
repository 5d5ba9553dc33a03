// A menu of the bar: entries with a title and a sentence each.

import { Button, Menu, MenuItem, MenuTrigger, Popover, Text } from "react-aria-components";
import type { MenuEntry } from "../session/messages";
import { Icon } from "../ui/Icon";
import styles from "./bar.module.css";

const CARET = "M5 7l3 3 3-3";

interface Props {
  label: string;
  tip: string;
  path: string;
  entries: MenuEntry[];
  choose: (name: string) => void;
}

export function ChoiceMenu({ label, tip, path, entries, choose }: Props) {
  return (
    <span title={tip}>
      <MenuTrigger>
        <Button className={`cs-button cs-button--quiet ${styles.tool}`} aria-label={label}>
          <Icon path={path} />
          <span className={styles.toolText}>{label}</span>
          <span className={styles.caret}>
            <Icon path={CARET} size={12} />
          </span>
        </Button>
        <Popover placement="bottom start" offset={6}>
          <Menu
            className={`cs-menu ${styles.menu}`}
            aria-label={label}
            onAction={(name) => choose(String(name))}
          >
            {entries.map(({ name, title, description }) => (
              <MenuItem key={name} id={name} textValue={title} className={styles.item}>
                <Text slot="label">{title}</Text>
                <Text slot="description">{description}</Text>
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
    </span>
  );
}
