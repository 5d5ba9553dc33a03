// The bus: one hidden component that talks to the session's live evaluation and paints every registered canvas.
//
//   window.covstudio.register(key, canvas, { hover }) -> unregister()   paint tile `key` into this canvas from now on
//   window.covstudio.unregister(canvas)
//   window.covstudio.send({ type: "drag", node, param, value })         a slider moved; one in flight, the latest wins
//   window.covstudio.release()                                          the slider was let go: the end of one undo step
//   window.covstudio.onFrame(fn) -> stop()                              fn({ seq, keys, done, at }) after each painted frame
//   window.covstudio.ping() -> seq                                      an empty frame: the cost of the way alone
//   window.covstudio.lastFrame, window.covstudio.stats
//
// A script that may run before the bus says  (window.covstudioQueue ??= []).push((bus) => bus.register(...)).

const MAX_PIXELS = 250; // the most cells per side that are asked for
const STALLED = 2000; // ms after which an unanswered drag no longer holds the next one back
const HATCHED = "repeating-linear-gradient(135deg, transparent 0 5px, var(--cs-border) 5px 6px)";
const SCALES = ["sequential", "diverging"];

class Bus {
  constructor() {
    this.tiles = new Map(); // key -> latest tile
    this.entries = new Map(); // canvas -> entry
    this.listeners = new Set();
    this.colours = { light: {}, dark: {} };
    this.theme = "light";
    this.seq = 0;
    this.gesture = 1;
    this.flying = null; // { seq, at } of the drag not answered yet
    this.pending = new Map(); // node/param -> the latest drag that waits
    this.lastFrame = null;
    this.stats = { sent: 0, frames: 0, tiles: 0, painted: 0, paintedAt: 0, paintMs: 0, superseded: 0 };
    this.sizes = new ResizeObserver((changes) => this.resized(changes));
    this.views = new IntersectionObserver((changes) => this.seen(changes), { rootMargin: "80px" });
    const root = document.documentElement;
    new MutationObserver(() => this.themed()).observe(root, { attributes: true, attributeFilter: ["data-cs-theme"] });
    matchMedia("(resolution)").addEventListener?.("change", () => this.repaint());
    this.themed();
    this.tip = new Tip(this);
  }

  /** Join the model of this session's bus component. */
  connect(model) {
    this.model = model;
    for (const theme of ["light", "dark"])
      for (const scale of SCALES) this.colours[theme][scale] = unpack(model.colours[`${scale}-${theme}`]);
    this.reported = null;
    this.flying = null;
    model.on("msg:custom", (message) => this.receive(message));
    this.report();
    this.repaint();
  }

  // --- canvases ------------------------------------------------------------------------------------------------------

  register(key, canvas, options = {}) {
    this.unregister(canvas);
    const entry = { key, canvas, css: 0, visible: false, hover: options.hover !== false, image: null, box: null };
    this.entries.set(canvas, entry);
    this.sizes.observe(canvas);
    this.views.observe(canvas);
    if (entry.hover) this.tip.attach(entry);
    return () => this.entries.get(canvas) === entry && this.unregister(canvas);
  }

  unregister(canvas) {
    const entry = this.entries.get(canvas);
    if (!entry) return;
    this.entries.delete(canvas);
    this.sizes.unobserve(canvas);
    this.views.unobserve(canvas);
    this.tip.detach(entry);
    this.report();
  }

  resized(changes) {
    for (const { target } of changes) {
      const entry = this.entries.get(target);
      if (!entry) continue;
      entry.width = target.clientWidth;
      entry.height = target.clientHeight;
      this.paint(entry);
    }
    this.report();
  }

  seen(changes) {
    for (const { target, isIntersecting } of changes) {
      const entry = this.entries.get(target);
      if (!entry) continue;
      entry.visible = isIntersecting;
      entry.gone = !isIntersecting && !target.isConnected ? performance.now() : 0;
      if (isIntersecting) this.paint(entry);
    }
    for (const entry of [...this.entries.values()])
      if (entry.gone && !entry.canvas.isConnected && performance.now() - entry.gone > 10000) this.unregister(entry.canvas);
    this.report();
  }

  /** Tell the server which tiles are looked at, and how large. */
  report() {
    if (this.reporting) return;
    this.reporting = setTimeout(() => {
      this.reporting = 0;
      const tiles = {};
      for (const { key, visible, width, height } of this.entries.values()) {
        if (!visible || !width || !height) continue;
        const pixels = Math.min(MAX_PIXELS, Math.round(Math.max(width, height) * devicePixelRatio));
        tiles[key] = Math.max(tiles[key] ?? 0, pixels);
      }
      const text = JSON.stringify(tiles);
      if (!this.model || text === this.reported) return;
      this.reported = text;
      this.model.send_msg({ type: "visible", tiles });
    }, 16);
  }

  themed() {
    const chosen = document.documentElement.dataset.csTheme;
    this.theme = chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    this.repaint();
  }

  repaint() {
    for (const entry of this.entries.values()) this.paint(entry);
  }

  paint(entry) {
    const tile = this.tiles.get(entry.key);
    const colours = tile && this.colours[this.theme][tile.scale];
    const { canvas, width, height } = entry;
    if (!colours || !width || !height || !entry.visible) return; // what comes into sight is painted then
    const ratio = devicePixelRatio;
    const w = Math.round(width * ratio);
    const h = Math.round(height * ratio);
    // The picture keeps the matrix's aspect and sits in the middle; a vector stays at least 4 px thick.
    const [n, m] = tile.shape;
    const scale = Math.min(w / m, h / n);
    const boxW = Math.min(w, Math.max(Math.round(m * scale), Math.min(w, 4 * ratio)));
    const boxH = Math.min(h, Math.max(Math.round(n * scale), Math.min(h, 4 * ratio)));
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
      entry.image = null;
    }
    const context = (entry.context ??= canvas.getContext("2d"));
    if (!entry.image || entry.image.width !== boxW || entry.image.height !== boxH) {
      context.clearRect(0, 0, w, h);
      entry.image = new ImageData(boxW, boxH);
      entry.box = { x: (w - boxW) >> 1, y: (h - boxH) >> 1, w: boxW, h: boxH };
    }
    fill(entry.image, tile, colours);
    context.putImageData(entry.image, entry.box.x, entry.box.y);
    canvas.dataset.seq = tile.seq;
    if (canvas.style.background) canvas.style.background = "";
  }

  /** There is nothing to show for these keys now: hatched, so that it is not taken for a matrix of zeros. */
  clear(keys) {
    for (const key of keys) {
      this.tiles.delete(key);
      for (const { key: shown, context, canvas } of this.entries.values()) {
        if (shown !== key) continue;
        context?.clearRect(0, 0, canvas.width, canvas.height);
        delete canvas.dataset.seq;
        canvas.style.background = HATCHED;
      }
    }
  }

  // --- messages ------------------------------------------------------------------------------------------------------

  send(message) {
    if (message.type !== "drag") return this.model?.send_msg(message);
    const name = `${message.node} ${message.param}`;
    if (this.pending.delete(name)) this.stats.superseded++;
    this.pending.set(name, message);
    this.flush();
  }

  flush() {
    if (!this.model || !this.pending.size) return;
    const now = performance.now();
    if (this.flying && now - this.flying.at < STALLED) return;
    const [name, message] = this.pending.entries().next().value;
    this.pending.delete(name);
    const seq = ++this.seq;
    this.flying = { seq, at: now };
    this.stats.sent++;
    this.model.send_msg({ ...message, seq, gesture: this.gesture });
    return seq;
  }

  /** The slider was let go. What waits is sent behind what flies; then the server is told that the values rest. */
  release() {
    const now = this.gesture++;
    for (const message of this.pending.values()) {
      this.flying = { seq: ++this.seq, at: performance.now() };
      this.stats.sent++;
      this.model?.send_msg({ ...message, seq: this.seq, gesture: now });
    }
    this.pending.clear();
    this.model?.send_msg({ type: "release", gesture: now });
  }

  /** Ask for an empty frame; its sequence number. For measurements. */
  ping() {
    this.model.send_msg({ type: "ping", seq: ++this.seq });
    return this.seq;
  }

  onFrame(fn) {
    this.listeners.add(fn);
    return () => this.listeners.delete(fn);
  }

  receive(message) {
    if (message.type === "frame") this.frame(JSON.parse(message.head), message.data);
    else if (message.type === "value") this.tip.answer(message);
  }

  frame(head, data) {
    const began = performance.now();
    const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
    if (head.clear) this.clear(head.clear);
    const keys = new Set();
    for (const { key, offset, ...tile } of head.tiles) {
      tile.codes = bytes.subarray(offset, offset + tile.rows * tile.cols);
      tile.seq = head.seq;
      this.tiles.set(key, tile);
      keys.add(key);
    }
    for (const entry of this.entries.values()) if (keys.has(entry.key)) this.paint(entry);
    const at = performance.now();
    const { stats } = this;
    stats.frames++;
    stats.tiles += keys.size;
    stats.painted = head.seq;
    stats.paintedAt = at;
    stats.paintMs = at - began;
    stats.workMs = head.work;
    this.lastFrame = { seq: head.seq, keys: [...keys], done: head.done, at };
    if (this.flying && head.seq >= this.flying.seq) this.flying = null;
    this.flush();
    for (const listen of [...this.listeners]) listen(this.lastFrame);
    this.tip.refresh(keys);
  }
}

function install() {
  if (window.covstudio instanceof Object && window.covstudio.register) return window.covstudio;
  const bus = new Bus();
  window.covstudio = bus;
  const waiting = window.covstudioQueue ?? [];
  window.covstudioQueue = { push: (fn) => fn(bus) };
  for (const fn of waiting) fn(bus);
  return bus;
}

export function render({ model, el }) {
  el.style.display = "none";
  install().connect(model);
}
