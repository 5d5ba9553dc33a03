// The surface over the graph. It lives inside panel-reactflow's own root, so it can reach what the library drew: it puts the cards
// into the nodes, reports the size of the view, and turns keys and gestures that the library does not know into intents.

const TOOLS = {
  tidy: "M2 3.5h4v3H2z|M2 9.5h4v3H2z|M10 6.5h4v3h-4z|M6 5h2v6H6|M8 8h2",
  fit: "M2.5 6V2.5H6|M10 2.5h3.5V6|M13.5 10v3.5H10|M6 13.5H2.5V10",
};
const STRUCTURE = "application/x-covstudio-structure";
const FAR = 0.62; // below this zoom a card shows its name, its picture and its symbol, and shows them larger
const PATIENCE = 5000; // milliseconds that the graph waits, unseen, for the view that the server computes
const STEP = 8; // pixels an arrow key moves a selection; with Shift four times as far

/** Whether a key pressed here belongs to what is being written. */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return target.matches("input") && !["range", "checkbox", "radio", "button", "file"].includes(target.type);
}

export function render({ model, el, view }) {
  const root = document.createElement("div");
  root.className = "cs-root surface";
  el.append(root);
  const send = (message) => model.send_msg(message);

  let flow = null; // the library's .react-flow element
  let shadow = null; // the root it lives in
  let cards = null;
  let pressed = null; // where a press on a node began
  let dragging = false;
  let hint = "";
  let patience = 120; // frames

  const menu = new Menu(el, send, {
    rename: (id) => cards?.rename(id),
    back: (id) => cards?.box(id)?.focus({ preventScroll: true }),
    busy: () => cards?.renaming !== null,
  });

  // ---- what is drawn here ----

  function tool(name, label, path, keys) {
    return h(
      "button",
      { key: name, type: "button", class: "cs-icon-button", "aria-label": label, title: keys ? `${label} (${keys})` : label, onclick: () => (measure(), send({ type: name })) },
      icon(path),
    );
  }

  function draw(state) {
    cards?.update(state);
    flow?.classList.toggle("is-empty", Boolean(state.empty));
    return [
      h(
        "div",
        { class: "toolbar cs-panel cs-group", role: "toolbar", "aria-label": "Canvas", key: "toolbar" },
        tool("tidy", "Tidy up", TOOLS.tidy, "Shift 2"),
        tool("fit", "Show everything", TOOLS.fit, "Shift 1"),
      ),
      state.empty ? welcome(state) : null,
      h("div", { class: hint ? "drop-hint shown" : "drop-hint", role: "status", "aria-live": "polite", key: "hint" }, hint),
    ];
  }

  function welcome(state) {
    return h(
      "section",
      { class: "welcome", key: "welcome", "aria-label": "Getting started" },
      h("h1", {}, "Build a covariance, piece by piece"),
      h("p", {}, "Drag a ", h("b", {}, "Sum"), " from the left, wire it into V, then fill its slots. Or start from a model that works:"),
      h(
        "div",
        { class: "templates" },
        (state.templates ?? []).map((template) =>
          h(
            "button",
            { type: "button", class: "template cs-focusable", key: template.name, onclick: () => send({ type: "template", name: template.name }) },
            h("strong", {}, template.title),
            h("span", {}, template.description),
          ),
        ),
      ),
      h("p", { class: "keys" }, h("kbd", { class: "cs-kbd" }, "/"), " finds a structure by any name, ASReml’s and SAS’s too."),
    );
  }

  // ---- the graph underneath ----

  function zoom() {
    const style = shadow?.querySelector(".react-flow__viewport")?.style.transform ?? "";
    const [, x, y, scale] = style.match(/translate\((-?[\d.e+-]+)px, ?(-?[\d.e+-]+)px\) scale\((-?[\d.e+-]+)\)/) ?? [];
    return { x: Number(x ?? 0), y: Number(y ?? 0), scale: Number(scale ?? 1) };
  }

  /** The middle of what is shown, in the graph's own coordinates: where a click on the palette adds. */
  function centre() {
    if (!flow) return null;
    const { x, y, scale } = zoom();
    return { x: (flow.clientWidth / 2 - x) / scale, y: (flow.clientHeight / 2 - y) / scale };
  }

  function measure() {
    if (flow?.clientWidth && flow.clientHeight) send({ type: "size", width: flow.clientWidth, height: flow.clientHeight });
  }

  const sized = new ResizeObserver(debounce(measure, 30));

  /** The library moves the view by a style: from afar cards say less; and the graph appears once the view is ours. */
  const looked = new MutationObserver(() => {
    const { scale } = zoom();
    flow.classList.toggle("is-far", scale < FAR);
    flow.style.setProperty("--cs-unzoom", String(1 / scale)); // explanations keep their size
    appear();
  });

  function appear() {
    flow.classList.add("is-ready");
    window.covstudioCanvas.ready = true;
  }

  function meet() {
    shadow = root.isConnected ? findFlow() : null;
    flow = shadow?.querySelector(".react-flow") ?? null;
    // The library fits its first nodes into the view once, by itself; what is shown is ours to say only after that.
    const still = zoom();
    if (!flow || (still.x === 0 && still.y === 0 && patience-- > 0)) {
      waiting = requestAnimationFrame(meet);
      return;
    }
    cards = new Cards(shadow, {
      menu: (id, box) => menu.ask(id, box),
      focus: (id) => send({ type: "focus", id }),
      rename: (id, name) => send({ type: "rename", id, name }),
    });
    sized.observe(flow);
    looked.observe(flow.querySelector(".react-flow__viewport"), { attributes: true, attributeFilter: ["style"] });
    setTimeout(appear, PATIENCE);
    const on = (name, handler, options) => flow.addEventListener(name, handler, { ...options, signal: stop.signal });
    on("pointerdown", () => send({ type: "touch" }), { capture: true });
    on("keydown", () => send({ type: "touch" }), { capture: true });
    on("pointerdown", onPress, { capture: true });
    on("dblclick", onDoubleClick);
    on("contextmenu", onContextMenu);
    on("dragover", onDragOver);
    on("dragleave", clearDrop);
    on("drop", clearDrop);
    scene.redraw();
  }

  /** Up through the shadow roots until one holds the graph. */
  function findFlow() {
    for (let node = root.getRootNode(); node instanceof ShadowRoot; node = node.host.getRootNode()) {
      if (node.querySelector(".react-flow")) return node;
    }
    return document.querySelector(".react-flow") ? document : null;
  }

  const nodeOf = (event) => event.composedPath().find((at) => at.classList?.contains("react-flow__node"))?.dataset.id ?? null;

  // ---- pointer ----

  function onPress(event) {
    if (event.button !== 0 || nodeOf(event) === null) return;
    pressed = { x: event.clientX, y: event.clientY };
  }

  function onMove(event) {
    if (!pressed || dragging || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < 2) return;
    dragging = true;
    send({ type: "dragging", on: true });
  }

  /**
   * A wire let go where the library would drop it: on the body of a card, which means its next free slot, or on a slot before the
   * server has said whether it fits. Python answers both, with the reason where it has to refuse.
   */
  function onWireEnd(event) {
    const from = shadow?.querySelector(".react-flow__handle.connectingfrom");
    if (!from || event.button !== 0) return;
    const to = event.composedPath().find((at) => at.classList?.contains("react-flow__handle"));
    const parent = nodeOf(event);
    if (to?.classList.contains("rf-handle-pending")) {
      const [output, slot] = from.classList.contains("source") ? [from, to] : [to, from];
      if (output.classList.contains("source") && slot.classList.contains("target"))
        send({ type: "wire", child: output.dataset.nodeid, parent: slot.dataset.nodeid, slot: slot.dataset.handleid });
    } else if (!to && parent !== null && parent !== from.dataset.nodeid && from.classList.contains("source")) {
      const near = shadow.querySelector(".react-flow__handle.connectingto"); // the library has snapped to a slot
      if (!near) send({ type: "wire", child: from.dataset.nodeid, parent, slot: null });
    }
  }

  function onRelease(event) {
    onWireEnd(event);
    pressed = null;
    if (!dragging) return;
    dragging = false;
    // After the library's own report of where the node went.
    setTimeout(() => send({ type: "dragging", on: false }), 0);
  }

  function onDoubleClick(event) {
    const id = nodeOf(event);
    if (id !== null && !event.composedPath().some((at) => at.matches?.(".react-flow__handle, button, input"))) cards.rename(id);
  }

  function onContextMenu(event) {
    const id = nodeOf(event);
    if (id === null || id === "V") return;
    event.preventDefault();
    menu.ask(id, { left: event.clientX, bottom: event.clientY - 4 });
  }

  /** While a palette entry is over the graph: say what dropping here does. */
  function onDragOver(event) {
    if (!event.dataTransfer?.types.includes(STRUCTURE)) return;
    flow.classList.add("is-dropping");
    const id = nodeOf(event);
    const handle = event.composedPath().find((at) => at.classList?.contains("react-flow__handle"));
    const card = id === null ? null : cards.cards[id];
    const free = card && (id === "V" || card.slots.some((slot) => slot.free));
    for (const node of flow.querySelectorAll(".drop-target")) if (node.dataset.id !== id) node.classList.remove("drop-target");
    if (free) cards.box(id)?.classList.add("drop-target");
    const slot = handle?.classList.contains("target") && handle.dataset.handleid;
    const fixed = slot && card && card.slots.some((mark) => mark.text === slot);
    say(free || slot ? `Drop to wire it into ${id === "V" ? "V" : card.name}${fixed ? `, slot ${slot}` : ""}` : "Drop to place it here");
  }

  function clearDrop(event) {
    if (event.type === "dragleave" && flow.contains(event.relatedTarget)) return;
    flow.classList.remove("is-dropping");
    for (const node of flow.querySelectorAll(".drop-target")) node.classList.remove("drop-target");
    say("");
  }

  function say(text) {
    if (text === hint) return;
    hint = text;
    scene.redraw();
  }

  // ---- keyboard ----

  /** Keys that speak of the model act where the model is looked at: the canvas, the palette, or nowhere in particular. */
  function inScope(path) {
    const at = path[0];
    if (at === document.body || at === document.documentElement) return true;
    return path.some((node) => node === flow || node.dataset?.csScope === "model");
  }

  /** What the person sees selected. The library tells the server a frame later: too late for a quick Delete. */
  function selected(kind = "node") {
    return [...(shadow?.querySelectorAll(`.react-flow__${kind}.selected`) ?? [])].map((found) => found.dataset.id);
  }

  function onKey(event) {
    const path = event.composedPath();
    if (event.defaultPrevented || isTyping(path[0])) return;
    const mod = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const act = (message) => {
      event.preventDefault();
      send(message);
    };
    if (mod && key === "z") return act({ type: event.shiftKey ? "redo" : "undo" });
    if (mod && key === "y") return act({ type: "redo" });
    if (!inScope(path)) return;
    if (mod && key === "a") return act({ type: "select", all: true });
    if (mod && key === "d") return act({ type: "duplicate", nodes: selected() });
    if (mod || event.altKey) return;
    const onNode = nodeOf(event);
    if (event.key === "Delete" || event.key === "Backspace") return act({ type: "delete", nodes: selected(), wires: selected("edge") });
    if (event.key === "Escape") return act({ type: "select", all: false });
    if (event.shiftKey && event.code === "Digit1") return act({ type: "fit" });
    if (event.shiftKey && event.code === "Digit2") return act({ type: "tidy" });
    if (event.key === "F2") {
      const id = onNode ?? (selected().length === 1 ? selected()[0] : null);
      if (id !== null) event.preventDefault();
      if (id !== null) cards?.rename(id);
    } else if (event.key === "ContextMenu" || (event.shiftKey && event.key === "F10") || (key === "w" && !event.shiftKey)) {
      const id = onNode ?? (selected().length === 1 ? selected()[0] : null);
      if (id === null || id === "V") return;
      event.preventDefault();
      menu.ask(id, cards.box(id).getBoundingClientRect());
    } else if (event.key.startsWith("Arrow") && onNode === null && path.includes(flow)) {
      nudge(event, act);
    } else if (event.key.startsWith("Arrow") && path[0] === document.body) {
      nudge(event, act);
    }
  }

  /** The library moves the node that has the focus; a selection without it is moved here. */
  function nudge(event, act) {
    const by = STEP * (event.shiftKey ? 4 : 1);
    const [x, y] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[event.key];
    const nodes = selected();
    if (nodes.length) act({ type: "nudge", x, y, nodes });
  }

  // ---- life ----

  const stop = new AbortController();
  const global = { signal: stop.signal };
  document.addEventListener("keydown", onKey, global);
  // Under way, a structure may be dropped anywhere: what the empty canvas offers lets it through.
  const under = (on) => (event) => root.classList.toggle("under-drag", on && event.dataTransfer?.types.includes(STRUCTURE));
  document.addEventListener("dragstart", under(true), global);
  document.addEventListener("dragend", under(false), global);
  window.addEventListener("pointermove", onMove, { ...global, capture: true });
  window.addEventListener("pointerup", onRelease, { ...global, capture: true });
  window.addEventListener("pointercancel", onRelease, { ...global, capture: true });
  window.covstudioCanvas = { centre, ready: false };
  let scene = { redraw: () => {}, state: () => ({}) };
  let waiting = 0;
  model.on("remove", () => {
    stop.abort();
    cancelAnimationFrame(waiting);
    sized.disconnect();
    looked.disconnect();
    cards?.close();
  });
  scene = live(model, root, draw, { menu: (content) => menu.open(content) });
  meet();
}
