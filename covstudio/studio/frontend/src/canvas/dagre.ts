// The library that lays a model out. It is as large as all the canvas, and a page of no model has nothing to lay out: it comes over
// the line when there is a first node, and so in a notebook, too, where no address leads to a second file.

import type * as Library from "@dagrejs/dagre";
import { useEffect, useRef, useState } from "react";
import { useHear, useSend } from "../session/hooks";

/** What of the library is used; the build makes a file of these. */
export type Dagre = Pick<typeof Library, "Graph" | "layout">;

/** The library, once it is `wanted`; null until it is there. */
export function useDagre(wanted: boolean): Dagre | null {
  const send = useSend("canvas");
  const [dagre, setDagre] = useState<Dagre | null>(null);
  const asked = useRef(false);
  useHear("canvas", async (message, data) => {
    if (message.type === "layout-program" && data !== undefined) setDagre(await loaded(data));
  });
  useEffect(() => {
    if (!wanted || asked.current) return;
    asked.current = true;
    send({ type: "layout-wanted" });
  }, [wanted, send]);
  return dagre;
}

async function loaded(program: Uint8Array<ArrayBuffer>): Promise<Dagre> {
  const address = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}
