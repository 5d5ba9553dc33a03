// What stands on a node: its name, its picture, its facts, its handles. It is drawn anew only when its words change; the picture
// is painted outside of React.

import { Handle, type NodeProps, Position } from "@xyflow/react";
import { type KeyboardEvent, memo, useContext, useEffect, useRef } from "react";
import { usePicture } from "../painter/register";
import { NOTHING } from "../painter/surface";
import type { CardLine, Card as Words } from "../session/messages";
import { Icon } from "../ui/Icon";
import { Name } from "../ui/Name";
import { read } from "../ui/numbers";
import { endKey, fitsAt, UnderwayContext, useActs } from "./acts";
import styles from "./card.module.css";
import { type CardNode, level, OUTPUT } from "./model";
import { Trouble, Wanting } from "./Trouble";

const MORE = "M8 3.5v.01|M8 8v.01|M8 12.5v.01";
const WAITS = "M4.5 8h.01|M8 8h.01|M11.5 8h.01";
const FIXED = "M4.5 7.5h7v5.5h-7z|M6 7.5V5.5a2 2 0 0 1 4 0v2";

export const Card = memo(
  function Card({ id, data: { card, focused, renaming, crowded } }: NodeProps<CardNode>) {
    return (
      <>
        <div
          className={styles.card}
          data-role={card.role}
          data-problem={card.problem?.severity}
          data-slots={card.slots.some((slot) => slot.mark) || undefined}
        >
          <div className={styles.head}>
            {renaming ? (
              <NameField id={id} name={card.name} />
            ) : (
              <Name className={styles.name} text={card.name} />
            )}
            {card.role !== "result" && <More id={id} name={card.name} />}
            {card.problem && <Trouble id={id} card={card} />}
          </div>
          {card.problem && !card.ready ? (
            <Wanting id={id} card={card} />
          ) : (
            <div className={styles.body}>
              <Picture id={id} card={card} focused={focused} crowded={crowded} />
              <Facts card={card} />
            </div>
          )}
          {card.slots.map(
            (slot, index) =>
              slot.mark && (
                <span
                  key={slot.name}
                  className={styles.slot}
                  data-free={slot.free || undefined}
                  style={{ top: level(index, card.slots.length) }}
                  aria-hidden="true"
                >
                  {slot.mark}
                </span>
              ),
          )}
        </div>
        {card.slots.map((slot, index) => (
          <Socket
            key={slot.name}
            node={id}
            slot={slot.name}
            about={slot.about}
            top={level(index, card.slots.length)}
          />
        ))}
        {card.role !== "result" && <Socket node={id} slot={null} about="output" top="50%" />}
      </>
    );
  },
  (before, now) => before.data === now.data,
);

/** A handle: a slot on the left, or the output on the right. */
function Socket({
  node,
  slot,
  about,
  top,
}: {
  node: string;
  slot: string | null;
  about: string;
  top: string;
}) {
  const wire = useContext(UnderwayContext);
  const fits = fitsAt(wire, node, slot);
  const end = fits === undefined ? undefined : wire?.ends?.get(endKey(node, slot));
  return (
    <Handle
      type={slot === null ? "source" : "target"}
      id={slot ?? OUTPUT}
      position={slot === null ? Position.Right : Position.Left}
      style={{ top }}
      data-fits={fits}
      data-explain={end?.reason ?? end?.effect ?? about}
    />
  );
}

function More({ id, name }: { id: string; name: string }) {
  const acts = useActs();
  return (
    <button
      type="button"
      className={`${styles.more} nodrag`}
      aria-label={`Actions for ${name}`}
      aria-haspopup="menu"
      onClick={(event) => {
        event.stopPropagation();
        acts.menu(id, event.currentTarget.getBoundingClientRect());
      }}
    >
      <Icon path={MORE} />
    </button>
  );
}

function NameField({ id, name }: { id: string; name: string }) {
  const acts = useActs();
  const field = useRef<HTMLInputElement>(null);
  const done = useRef(false);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const end = (text: string | null, byKey: boolean) => {
    if (done.current) return;
    done.current = true;
    const wanted = text?.trim();
    acts.rename(id, wanted && wanted !== name ? wanted : null, byKey);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    event.stopPropagation();
    if (event.key === "Enter") end(event.currentTarget.value, true);
    if (event.key === "Escape") end(null, true);
  };
  return (
    <input
      ref={field}
      className={`${styles.rename} nodrag nopan`}
      aria-label="Name"
      maxLength={60}
      spellCheck={false}
      defaultValue={name}
      onKeyDown={onKeyDown}
      onBlur={(event) => end(event.currentTarget.value, false)}
      onDoubleClick={(event) => event.stopPropagation()}
    />
  );
}

interface PictureProps {
  id: string;
  card: Words;
  focused: boolean;
  crowded: boolean;
}

function Picture({ id, card, focused, crowded }: PictureProps) {
  const acts = useActs();
  const canvas = useRef<HTMLCanvasElement>(null);
  const image = useRef<HTMLImageElement>(null);
  usePicture(card.tile, crowded ? image : canvas);
  const name = `Heatmap of ${card.name}`;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keyboard has "Show large" in the menu
    // biome-ignore lint/a11y/useKeyWithClickEvents: as above
    <div
      className={styles.picture}
      data-blank={!card.ready || undefined}
      data-focused={(card.ready && focused) || undefined}
      title={card.ready ? "Show large" : "Waits for what it is made of"}
      onClick={card.ready ? () => acts.show(id) : undefined}
    >
      {crowded ? (
        <img ref={image} src={NOTHING} data-tile={card.tile} alt={name} draggable={false} />
      ) : (
        <canvas ref={canvas} data-tile={card.tile} role="img" aria-label={name} />
      )}
      {!card.ready && !card.empty && <Icon path={WAITS} size={28} />}
    </div>
  );
}

function Facts({ card }: { card: Words }) {
  return (
    <div className={styles.facts}>
      <div className={`${styles.symbol} cs-math`} title={card.title || card.name}>
        {card.symbol}
      </div>
      {card.empty ? (
        <div className={styles.empty}>{card.empty}</div>
      ) : (
        <div className={styles.shape}>
          <span>{card.shape}</span>
          {card.hint && <span className={styles.hint}>{card.hint}</span>}
        </div>
      )}
      {card.lines.map((line) => (
        <Fact key={`${line.label} ${line.text}`} line={line} />
      ))}
      {card.more > 0 && <div className={`${styles.line} ${styles.moreLines}`}>{`+ ${card.more} more`}</div>}
    </div>
  );
}

function Fact({ line }: { line: CardLine }) {
  return (
    <div className={styles.line} data-fixed={line.fixed || undefined}>
      {line.label && <span className={styles.parameter}>{line.label}</span>}
      {line.text !== null ? (
        <span className={styles.text} title={line.text}>
          {line.text}
        </span>
      ) : (
        <span className={styles.value}>
          {read(line.value, 3)}
          {line.fixed && <Icon path={FIXED} size={11} />}
        </span>
      )}
    </div>
  );
}
