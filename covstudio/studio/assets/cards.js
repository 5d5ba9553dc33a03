// The cards: what stands on each node. panel-reactflow makes the node's box, its handles and its place; a card is put into the box
// and drawn here. One script for all cards, because a Bokeh view for each node costs 10 ms of loading and goes blank whenever the
// library mounts the node anew; a card is kept by its node's id and simply moves into the new box, picture and all.

const PROBLEM = "M8 4.5v4.2|M8 11.3v.2";
const UNFINISHED = "M5 8h.01|M8 8h.01|M11 8h.01";
const MORE = "M8 3.5v.01|M8 8v.01|M8 12.5v.01";
const FIXED = "M4.5 7.5h7v5.5h-7z|M6 7.5V5.5a2 2 0 0 1 4 0v2";

class Cards {
  /**
   * @param {ShadowRoot} root the root that the graph lives in
   * @param {{menu: Function, focus: Function, rename: Function}} act what a card asks for
   */
  constructor(root, act) {
    this.root = root;
    this.act = act;
    this.cards = {};
    this.focus = null;
    this.wires = {};
    this.elements = new Map(); // node id -> card element
    this.renaming = null;
    this.watch = new MutationObserver(() => this.attach());
    this.watch.observe(root, { childList: true, subtree: true });
  }

  close() {
    this.watch.disconnect();
    for (const card of this.elements.values()) card.__forget?.();
  }

  update({ cards, focus, wires }) {
    this.cards = cards;
    this.focus = focus;
    this.wires = wires;
    for (const [id, card] of this.elements) {
      if (id in cards) continue;
      card.__forget?.();
      card.remove();
      this.elements.delete(id);
    }
    for (const id of Object.keys(cards)) this.draw(id);
    this.attach();
  }

  /** Put every card into its node's box, wherever the library has (re)made one. */
  attach() {
    for (const box of this.root.querySelectorAll(".react-flow__node[data-id]")) {
      const id = box.dataset.id;
      const card = this.elements.get(id);
      const content = box.querySelector(":scope > .rf-node-content");
      if (!card || !content) continue;
      if (card.parentNode !== content) content.append(card);
      const { label } = this.cards[id];
      if (box.getAttribute("aria-label") !== label) box.setAttribute("aria-label", label);
    }
    for (const edge of this.root.querySelectorAll(".react-flow__edge[data-id]")) {
      const label = this.wires[edge.dataset.id];
      if (label && edge.getAttribute("aria-label") !== label) edge.setAttribute("aria-label", label);
    }
  }

  draw(id) {
    let card = this.elements.get(id);
    if (!card) {
      card = document.createElement("div");
      card.dataset.card = id;
      this.elements.set(id, card);
    }
    const data = this.cards[id];
    card.className = `cs-card cs-card--${data.role}${data.problem ? ` has-problem is-${data.problem.level}` : ""}${data.slots.some((slot) => slot.text) ? " has-slots" : ""}`;
    patch(card, this.head(id, data), this.body(id, data), this.marks(data));
    if (this.renaming === id) card.querySelector("input")?.focus();
    this.paint(card, data.tile);
  }

  head(id, data) {
    return h(
      "div",
      { class: "head", key: "head" },
      this.renaming === id ? this.nameField(id, data) : h("span", { class: "name", title: data.name, key: "name" }, data.name),
      data.role === "result"
        ? null
        : h(
            "button",
            {
              key: "more",
              type: "button",
              class: "more nodrag",
              "aria-label": `Actions for ${data.name}`,
              "aria-haspopup": "menu",
              onclick: (event) => {
                event.stopPropagation();
                this.act.menu(id, event.currentTarget.getBoundingClientRect());
              },
            },
            icon(MORE, 16),
          ),
      data.problem
        ? h(
            "span",
            {
              class: "problem nodrag",
              key: "problem",
              role: "img",
              tabindex: "0",
              "aria-label": `${data.problem.level === "error" ? "Problem" : "To do"}: ${data.problem.text}`,
              "data-tip": data.problem.text,
            },
            icon(data.problem.level === "error" ? PROBLEM : UNFINISHED, 14),
          )
        : null,
    );
  }

  nameField(id, data) {
    const done = (text) => {
      if (this.renaming !== id) return;
      this.renaming = null;
      const name = text?.trim();
      if (name && name !== data.name) this.act.rename(id, name);
      this.draw(id);
    };
    return h("input", {
      key: "field",
      class: "rename nodrag nopan",
      "aria-label": "Name",
      maxlength: "60",
      spellcheck: "false",
      value: data.name,
      ref: (field) => {
        if (!field.isConnected) queueMicrotask(() => field.select());
      },
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Enter") done(event.target.value);
        if (event.key === "Escape") done(null);
      },
      oninput: (event) => {
        event.target.__dirty = true; // what is being typed is not overwritten by a redraw
      },
      onblur: (event) => done(event.target.value),
      ondblclick: (event) => event.stopPropagation(),
    });
  }

  body(id, data) {
    return h(
      "div",
      { class: "body", key: "body" },
      h(
        "div",
        {
          class: data.ready ? `picture${this.focus === id ? " focused" : ""}` : "picture blank",
          title: data.ready ? "Show large" : undefined,
          key: "picture",
          onclick: data.ready ? () => this.act.focus(id) : undefined,
        },
        h("canvas", { key: "canvas", own: true, role: "img", "aria-label": `Heatmap of ${data.name}` }),
      ),
      h(
        "div",
        { class: "facts", key: "facts" },
        h("div", { class: "symbol cs-math", title: data.title || data.name }, data.symbol),
        data.empty
          ? h("div", { class: "empty" }, data.empty)
          : h("div", { class: "shape" }, h("span", {}, data.shape), data.hint ? h("span", { class: "hint" }, data.hint) : null),
        data.lines.map((line) =>
          h(
            "div",
            { class: line.fixed ? "line fixed" : "line" },
            line.label ? h("span", { class: "parameter" }, line.label) : null,
            "text" in line
              ? h("span", { class: "text", title: line.text }, line.text)
              : h("span", { class: "value" }, short(line.value, 3), line.fixed ? icon(FIXED, 11) : null),
          ),
        ),
        data.more ? h("div", { class: "line more-lines" }, `+ ${data.more} more`) : null,
      ),
    );
  }

  marks(data) {
    return data.slots.map((slot, index) =>
      slot.text
        ? h("span", { class: slot.free ? "slot free" : "slot", key: `slot ${index}`, style: `top:${slot.top}%`, "aria-hidden": "true" }, slot.text)
        : null,
    );
  }

  /** Hand the picture to the bus, once for each tile; the bus may come later than the cards. */
  paint(card, tile) {
    const canvas = card.querySelector("canvas");
    if (!canvas || canvas.__tile === tile) return;
    canvas.__tile = tile;
    canvas.dataset.tile = tile;
    (window.covstudioQueue ??= []).push((bus) => {
      if (canvas.__tile === tile) card.__forget = bus.register(tile, canvas, { hover: true });
    });
  }

  rename(id) {
    if (!(id in this.cards) || this.cards[id].role === "result") return;
    this.renaming = id;
    this.draw(id);
  }

  box(id) {
    return this.root.querySelector(`.react-flow__node[data-id="${CSS.escape(id)}"]`);
  }
}
