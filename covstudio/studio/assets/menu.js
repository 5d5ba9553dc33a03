// The menu of a node: by the button on its card, by a right click, or by Shift+F10. It is also how one wires without a mouse: it
// lists every slot that the node may go into, and says of the others why not.

const NODE_MENU = {
  rename: "M9.5 3.5l3 3|M3 13l.7-3L10.5 3a1.2 1.2 0 0 1 1.7 0l.8.8a1.2 1.2 0 0 1 0 1.7L6 12.3 3 13Z",
  copy: "M5.5 5.5h7v7h-7z|M3.5 10.5v-7h7",
  unwire: "M6.5 9.5l3-3|M7 4.5 8.5 3a3 3 0 0 1 4.5 4.5L11.5 9|M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7",
  remove: "M3 4.5h10|M6 4.5V3h4v1.5|M4.5 4.5l.6 8.5h5.8l.6-8.5",
  wire: "M3 8h8|M8 4.5 11.5 8 8 11.5|M13.5 3.5v9",
  show: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8Z|M8 9.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2Z",
};

class Menu {
  /**
   * @param {HTMLElement} host where the menu is drawn; it goes into the top layer
   * @param {Function} send sends an intent to Python
   * @param {{rename: Function, back: Function}} act starts a rename in the card; gives the focus back to a node
   */
  constructor(host, send, act) {
    this.send = send;
    this.act = act;
    this.node = document.createElement("div");
    this.node.className = "cs-menu node-menu";
    this.node.setAttribute("role", "menu");
    this.node.popover = "auto"; // Escape and a click elsewhere close it
    this.node.addEventListener("keydown", (event) => this.onKey(event));
    // One item is marked at a time, whether the pointer or the keyboard is used.
    this.node.addEventListener("pointermove", (event) => event.target.closest('[role="menuitem"]')?.focus());
    this.node.addEventListener("toggle", (event) => {
      if (event.newState === "closed") this.closed();
    });
    host.append(this.node);
  }

  /** Ask for what the menu of a node holds; it opens when the answer is there. */
  ask(id, place) {
    this.wanted = { id, place };
    this.send({ type: "menu", id });
  }

  open({ id, name, connected, targets }) {
    if (this.wanted?.id !== id) return;
    const { place } = this.wanted;
    this.id = id;
    this.node.setAttribute("aria-label", `Actions for ${name}`);
    patch(
      this.node,
      this.item("Rename", NODE_MENU.rename, () => this.act.rename(id), "F2"),
      this.item("Duplicate", NODE_MENU.copy, () => this.send({ type: "duplicate", id }), "Ctrl D"),
      this.item("Show large", NODE_MENU.show, () => this.send({ type: "focus", id })),
      connected ? this.item("Take out of its slot", NODE_MENU.unwire, () => this.send({ type: "unwire", child: id })) : null,
      h("div", { class: "cs-menu__line", role: "separator" }),
      h("div", { class: "cs-menu__title", id: "wire-title" }, targets.length ? "Wire into" : "There is no free slot to wire into."),
      h(
        "div",
        { role: "group", "aria-labelledby": "wire-title", class: "targets cs-scroll" },
        targets.map((target) =>
          h(
            "button",
            {
              type: "button",
              role: "menuitem",
              class: "cs-menu__item",
              tabindex: "-1",
              "aria-disabled": target.reason ? "true" : undefined,
              "aria-label": target.reason ? `${target.label}: ${target.reason}` : `Wire into ${target.label}`,
              onclick: () => {
                if (target.reason) return;
                this.send({ type: "wire", child: id, parent: target.parent, slot: target.slot });
                this.close();
              },
            },
            icon(NODE_MENU.wire, 14),
            h("span", {}, target.label, target.reason ? h("small", {}, target.reason) : null),
          ),
        ),
      ),
      h("div", { class: "cs-menu__line", role: "separator" }),
      this.item("Delete", NODE_MENU.remove, () => this.send({ type: "delete", id }), "Del"),
    );
    if (!this.node.matches(":popover-open")) this.node.showPopover();
    const { offsetWidth: width, offsetHeight: height } = this.node;
    this.node.style.left = `${Math.max(8, Math.min(place.left, innerWidth - width - 8))}px`;
    const below = place.bottom + 4;
    this.node.style.top = `${below + height > innerHeight - 8 ? Math.max(8, innerHeight - height - 8) : below}px`;
    this.items()[0].focus();
  }

  item(text, path, run, keys) {
    return h(
      "button",
      {
        type: "button",
        role: "menuitem",
        class: "cs-menu__item",
        tabindex: "-1",
        onclick: () => {
          this.close();
          run();
        },
      },
      icon(path, 14),
      h("span", {}, text),
      keys ? h("kbd", { class: "keys", "aria-hidden": "true" }, keys) : null,
    );
  }

  items() {
    return [...this.node.querySelectorAll('[role="menuitem"]')];
  }

  onKey(event) {
    const all = this.items();
    const here = all.indexOf(event.composedPath()[0]);
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1 + all.length, Home: 0, End: all.length - 1 };
    event.stopPropagation();
    if (event.key in moves) {
      event.preventDefault();
      all[moves[event.key] % all.length].focus();
    } else if (event.key === "Tab") {
      event.preventDefault();
      this.close();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  close() {
    if (this.node.matches(":popover-open")) this.node.hidePopover();
  }

  closed() {
    const id = this.id;
    this.id = this.wanted = null;
    if (id && !this.act.busy()) this.act.back(id);
  }
}
