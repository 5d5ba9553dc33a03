// Pictures in a view: a canvas that the painter paints, by the key of its tile: "V", "slice:<path>" or "node:<id>".

import { type RefObject, useEffect } from "react";
import { useConnection } from "../session/hooks";
import { painterOf } from "./painter";

export interface PictureOptions {
  /** Row, column and value are told under the pointer; they are unless this is false. */
  hover?: boolean;
}

/** Have this canvas painted with the tile of a key while the component stands. */
export function usePicture(
  key: string,
  canvas: RefObject<HTMLCanvasElement>,
  { hover = true }: PictureOptions = {},
): void {
  const register = useRegister();
  useEffect(() => {
    if (canvas.current) return register(key, canvas.current, { hover });
  }, [register, key, canvas, hover]);
}

/** The way to have a canvas painted that no component of ours made; it returns what ends it. */
export function useRegister(): (
  key: string,
  canvas: HTMLCanvasElement,
  options?: PictureOptions,
) => () => void {
  return painterOf(useConnection()).register;
}
