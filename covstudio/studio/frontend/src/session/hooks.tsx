// What a view may ask of the session: its own state, and a way to say and to hear.

import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { Connection, Down, State, Up, ViewName } from "./connection";
import type { Line } from "./line";
import type { Request, Stage } from "./stage";

const Session = createContext<Connection | null>(null);

export function SessionProvider({ connection, children }: { connection: Connection; children: ReactNode }) {
  return <Session.Provider value={connection}>{children}</Session.Provider>;
}

export function useConnection(): Connection {
  const connection = useContext(Session);
  if (connection === null) throw new Error("a view stands outside of the session");
  return connection;
}

/** The state of a view, drawn anew when it changes; null while the server has not made the view. */
export function useView<V extends ViewName>(view: V): State<V> | null {
  const connection = useConnection();
  const [subscribe, snapshot] = useMemo(
    () =>
      [(changed: () => void) => connection.subscribe(view, changed), () => connection.state(view)] as const,
    [connection, view],
  );
  return useSyncExternalStore(subscribe, snapshot);
}

/** The way to say what a person does in a view. */
export function useSend<V extends ViewName>(view: V): (message: Up<V>) => void {
  const connection = useConnection();
  return useMemo(() => (message: Up<V>) => connection.send(view, message), [connection, view]);
}

/** Hear what is said to a view that is not its state. */
export function useHear<V extends ViewName>(
  view: V,
  listen: (message: Down<V>, data: Uint8Array<ArrayBuffer> | undefined) => void,
): void {
  const connection = useConnection();
  const latest = useRef(listen);
  latest.current = listen;
  useEffect(
    () => connection.hear(view, (message, data) => latest.current(message, data)),
    [connection, view],
  );
}

/** Whether the server is heard. */
export function useLine(): Line {
  const connection = useConnection();
  const [line, setLine] = useState<Line>(connection.line.state);
  useEffect(() => connection.watch(setLine), [connection]);
  return line;
}

/** What the parts of the page ask of each other. */
export function useStage(): Stage {
  return useConnection().stage;
}

/** Act when a part of the page asks for it. */
export function useAnswer<R extends Request>(
  request: R,
  act: Parameters<typeof Stage.prototype.answer<R>>[1],
): void {
  const stage = useStage();
  const latest = useRef(act);
  latest.current = act;
  useEffect(() => stage.answer(request, (detail) => latest.current(detail)), [stage, request]);
}
