// Pictures in a view: a canvas, or an image where they are many, that the painter paints by the key of its tile: "V",
// "slice:<path>" or "node:<id>".

import { type RefObject, useEffect, useMemo, useSyncExternalStore } from "react";
import { useConnection } from "../session/hooks";
import type { PaintTile } from "../session/messages";
import { painterOf } from "./painter";
import type { Picture } from "./surface";

export interface PictureOptions {
  /** Row, column and value are told under the pointer; they are unless this is false. */
  hover?: boolean;
}

/** Have this element painted with the tile of a key while the component stands. */
export function usePicture(
  key: string,
  element: RefObject<Picture>,
  { hover = true }: PictureOptions = {},
): void {
  const register = useRegister();
  useEffect(() => {
    if (element.current) return register(key, element.current, { hover });
  }, [register, key, element, hover]);
}

/** The way to have an element painted that no component of ours made; it returns what ends it. */
export function useRegister(): (key: string, element: Picture, options?: PictureOptions) => () => void {
  return painterOf(useConnection()).register;
}

/** What to call when what holds pictures was zoomed: their pixels are those of the screen. */
export function useZoomed(): () => void {
  return painterOf(useConnection()).zoomed;
}

export interface PictureScale {
  kind: PaintTile["scale"];
  /** The magnitude that has the strongest colour. */
  limit: number;
  /** The colours from the lowest to the highest, as a CSS gradient. */
  gradient: string;
}

/** The scale of the colours of a picture; null while there is none. Drawn anew only when it changes. */
export function usePictureScale(key: string): PictureScale | null {
  const painter = painterOf(useConnection());
  const [subscribe, snapshot] = useMemo(
    () =>
      [
        (changed: () => void) => painter.watch(key, changed),
        () => {
          const tile = painter.tiles.get(key);
          return tile ? `${tile.scale} ${tile.limit} ${painter.theme}` : "";
        },
      ] as const,
    [painter, key],
  );
  const text = useSyncExternalStore(subscribe, snapshot);
  return useMemo(() => {
    const [kind, limit] = text.split(" ") as [PaintTile["scale"], string];
    return text === "" ? null : { kind, limit: Number(limit), gradient: painter.gradient(kind) };
  }, [painter, text]);
}
