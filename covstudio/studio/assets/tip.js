// The tooltip of every picture.

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
