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
const COARSE = 4; // pixels per cell from which edges are not blended: a pixel more or less is not seen
const STALLED = 2000; // ms after which an unanswered drag no longer holds the next one back
const HATCHED = "repeating-linear-gradient(135deg, transparent 0 5px, var(--cs-border) 5px 6px)";
const SCALES = ["sequential", "diverging"];

/** Index of the source cell under each target pixel, the next one, and that one's share of the pixel (0..256). */
const spans = new Map();
function span(cells, pixels) {
  const name = cells * 100003 + pixels;
  let found = spans.get(name);
  if (found) return found;
  if (spans.size > 400) spans.clear();
  const first = new Uint16Array(pixels);
  const next = new Uint16Array(pixels);
  const share = new Uint16Array(pixels);
  for (let p = 0; p < pixels; p++) {
    const from = (p * cells) / pixels;
    const to = ((p + 1) * cells) / pixels;
    const middle = pixels < COARSE * cells ? from : (from + to) / 2;
    const a = Math.min(cells - 1, Math.floor(middle + 1e-9));
    const b = Math.min(cells - 1, Math.ceil(to - 1e-9) - 1);
    first[p] = a;
    next[p] = Math.max(a, b);
    share[p] = b > a && pixels < COARSE * cells ? Math.round((256 * (to - Math.max(b, from))) / (to - from)) : 0;
  }
  found = { first, next, share };
  spans.set(name, found);
  return found;
}

/** Paint the codes of a tile into an ImageData of the size of `box`: exact cells, edges blended, nothing smeared. */
function fill(pixels, tile, colours) {
  const { width, height } = pixels;
  const { rows, cols, codes } = tile;
  const out = new Uint32Array(pixels.data.buffer);
  if (rows > height || cols > width) return fillSmall(out, width, height, tile, colours);
  const x = span(cols, width);
  const y = span(rows, height);
  for (let j = 0, at = 0; j < height; j++) {
    const blend = y.share[j];
    const top = y.first[j] * cols;
    if (j > 0 && !blend && !y.share[j - 1] && y.first[j - 1] === y.first[j]) {
      out.copyWithin(at, at - width, at); // the same cells as the line above
      at += width;
      continue;
    }
    const low = y.next[j] * cols;
    for (let i = 0; i < width; i++) {
      const a = x.first[i];
      const w = x.share[i];
      let code = codes[top + a];
      if (w) code += ((codes[top + x.next[i]] - code) * w) >> 8;
      if (blend) {
        let under = codes[low + a];
        if (w) under += ((codes[low + x.next[i]] - under) * w) >> 8;
        code += ((under - code) * blend) >> 8;
      }
      out[at++] = colours[code];
    }
  }
}

/** More cells than pixels: the entry of largest magnitude stands for its block, as on the server. */
function fillSmall(out, width, height, tile, colours) {
  const { rows, cols, codes } = tile;
  const zero = tile.scale === "diverging" ? 128 : 0;
  for (let j = 0, at = 0; j < height; j++) {
    const top = Math.floor((j * rows) / height);
    const bottom = Math.max(top + 1, Math.floor(((j + 1) * rows) / height));
    for (let i = 0; i < width; i++) {
      const left = Math.floor((i * cols) / width);
      const right = Math.max(left + 1, Math.floor(((i + 1) * cols) / width));
      let code = zero;
      let size = -1;
      for (let r = top; r < bottom; r++)
        for (let c = left; c < right; c++) {
          const here = codes[r * cols + c];
          const magnitude = Math.abs(here - zero);
          if (magnitude > size) [size, code] = [magnitude, here];
        }
      out[at++] = colours[code];
    }
  }
}

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

/** Row, column and exact value under the pointer, asked from the server. */
class Tip {
  constructor(bus) {
    this.bus = bus;
    this.entry = null;
    this.asked = 0;
    this.node = document.createElement("div");
    this.node.setAttribute("role", "tooltip");
    this.node.style.cssText =
      "position:fixed;z-index:10000;left:0;top:0;visibility:hidden;pointer-events:none;max-width:280px;padding:6px 9px;" +
      "border:1px solid var(--cs-border);border-radius:6px;background:var(--cs-raised);color:var(--cs-text);" +
      "box-shadow:var(--cs-shadow);font:400 12px/1.4 var(--cs-font);font-variant-numeric:tabular-nums;white-space:nowrap;";
    this.move = (event) => this.point(event);
    this.leave = () => this.hide();
  }

  attach({ canvas }) {
    canvas.addEventListener("pointermove", this.move);
    canvas.addEventListener("pointerleave", this.leave);
  }

  detach(entry) {
    entry.canvas.removeEventListener("pointermove", this.move);
    entry.canvas.removeEventListener("pointerleave", this.leave);
    if (this.entry === entry) this.hide();
  }

  point(event) {
    const entry = this.bus.entries.get(event.currentTarget);
    const tile = entry && this.bus.tiles.get(entry.key);
    if (!tile || !entry.box || event.buttons) return this.hide();
    // getBoundingClientRect, because a canvas inside the flow is scaled by its zoom
    const frame = entry.canvas.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * entry.canvas.width - entry.box.x;
    const y = ((event.clientY - frame.top) / frame.height) * entry.canvas.height - entry.box.y;
    const col = Math.floor((x / entry.box.w) * tile.cols);
    const row = Math.floor((y / entry.box.h) * tile.rows);
    if (row < 0 || col < 0 || row >= tile.rows || col >= tile.cols) return this.hide();
    this.at = [event.clientX, event.clientY];
    if (this.entry === entry && this.row === row && this.col === col) return this.place();
    Object.assign(this, { entry, row, col });
    this.ask();
  }

  ask() {
    if (this.waiting) return (this.again = true);
    this.waiting = true;
    this.again = false;
    const { key } = this.entry;
    const { rows, cols } = this.bus.tiles.get(key);
    this.bus.send({ type: "query", id: ++this.asked, key, row: this.row, col: this.col, rows, cols });
  }

  answer({ id, row, col, value }) {
    if (id !== this.asked) return;
    this.waiting = false;
    if (!this.entry) return;
    if (this.again) return this.ask();
    const line = (name, text) => {
      const p = document.createElement("div");
      p.style.cssText = "display:flex;gap:10px;justify-content:space-between";
      const term = document.createElement("span");
      term.style.color = "var(--cs-muted)";
      term.textContent = name;
      const what = document.createElement("span");
      what.style.cssText = "overflow:hidden;text-overflow:ellipsis";
      what.textContent = text;
      p.append(term, what);
      return p;
    };
    const head = document.createElement("div");
    head.style.cssText = "font-weight:600;font-size:13px";
    head.textContent = value;
    this.node.replaceChildren(head, line("row", row), line("column", col));
    if (!this.node.isConnected) document.body.append(this.node);
    this.node.style.visibility = "visible";
    this.place();
  }

  place() {
    const { offsetWidth: w, offsetHeight: h } = this.node;
    const [x, y] = this.at;
    const left = x + 14 + w > innerWidth - 4 ? x - 14 - w : x + 14;
    const top = y + 14 + h > innerHeight - 4 ? y - 14 - h : y + 14;
    this.node.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }

  refresh(keys) {
    if (this.entry && keys.has(this.entry.key)) this.ask();
  }

  hide() {
    this.entry = null;
    this.waiting = false;
    this.node.style.visibility = "hidden";
  }
}

/** 256 colours from hexadecimal RGBA, in the byte order of ImageData seen as 32-bit words. */
function unpack(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return new Uint32Array(bytes.buffer);
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
