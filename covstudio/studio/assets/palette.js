// The palette: search (search.js), categories, and entries that can be dragged onto the canvas or added with a click or Enter.
// A category stands open, with names, or folded, with the pictures alone: both can be dragged. Everything drawn comes from the
// catalogue, through `state.entries`.

const DRAG_TYPE = "application/x-covstudio-structure";
const SEARCH = "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z|M11 11l3.5 3.5";
const CLEAR = "M4.5 4.5l7 7|M11.5 4.5l-7 7";
const CHEVRON = "M6 4.5 9.5 8 6 11.5";
const FOLD = "M3 5.5h10|M3 8h10|M3 10.5h10";
const TILES = "M3 3h4v4H3z|M9 3h4v4H9z|M3 9h4v4H3z|M9 9h4v4H9z";
const CARD_DELAY = 450;
const CARD_WIDTH = 320; // as in palette.css
const REMEMBERED = "covstudio-palette-open";
const OPEN_AT_FIRST = ["Operators", "Elementary"];

/** The pattern of a small example as an icon in the colour of the text. */
function pictogram(picture, size) {
  const cell = 20 / Math.max(picture.rows, picture.cols);
  const left = (20 - cell * picture.cols) / 2;
  const top = (20 - cell * picture.rows) / 2;
  return h(
    "svg",
    { viewBox: "0 0 20 20", width: size, height: size, "aria-hidden": "true", class: "pictogram" },
    h("rect", { class: "ground", x: left, y: top, width: cell * picture.cols, height: cell * picture.rows, rx: 1.5 }),
    shades(picture.cells).map(([weight, cells]) =>
      h("path", {
        class: weight < 0 ? "cell below" : "cell",
        d: cells.map(([row, column]) => `M${round(left + column * cell)} ${round(top + row * cell)}h${round(cell)}v${round(cell)}h${round(-cell)}z`).join(""),
        "fill-opacity": Math.max(Math.abs(weight), 0.12),
      }),
    ),
  );
}

const round = (number) => Math.round(number * 1000) / 1000;

/** Cells of about one weight share a path: a page of pictures has few elements. */
function shades(cells) {
  const byWeight = new Map();
  for (const [row, column, weight] of cells) {
    const shade = Math.round(weight * 12) / 12 || Math.sign(weight) / 12;
    byWeight.set(shade, [...(byWeight.get(shade) ?? []), [row, column]]);
  }
  return [...byWeight];
}

/** Which categories stand open: as this browser last had them. */
function openCategories() {
  try {
    const kept = JSON.parse(localStorage.getItem(REMEMBERED));
    if (Array.isArray(kept)) return new Set(kept);
  } catch {
    // Storage may be forbidden, or hold what somebody else wrote.
  }
  return new Set(OPEN_AT_FIRST);
}

function remember(open) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify([...open]));
  } catch {
    // Then the next page starts as the first one did.
  }
}

export function render({ model, el, view }) {
  let query = "";
  let active = null; // kind of the entry that has the tab stop
  let open = openCategories();
  let card = null; // {entry, left, top, above}: the entry explained beside the list, or below or above it where there is no room
  let timer = null;

  const root = document.createElement("div");
  root.className = "cs-root palette";
  root.dataset.csScope = "model";
  el.append(root);

  const send = (message) => model.send_msg(message);
  const add = (entry) => {
    hideCard();
    send({ type: "add", kind: entry.kind, centre: window.covstudioCanvas?.centre() ?? null });
  };

  const found = (state) => find(state.entries, query);
  const offered = (state) => (query.trim() ? find(state.offers, query) : []); // tabs, templates, tables, languages

  /** Take what is offered beside structures. */
  function take(entry) {
    send({ type: "offer", kind: entry.offer, name: entry.name });
    change("");
  }

  function unfold(titles) {
    open = new Set(titles);
    remember(open);
    hideCard();
    scene.redraw();
  }

  function toggle(title) {
    unfold(open.has(title) ? [...open].filter((one) => one !== title) : [...open, title]);
  }

  function showCard(entry, node, delay) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const box = root.getBoundingClientRect();
      const row = node.getBoundingClientRect();
      const beside = box.right + CARD_WIDTH + 16 <= window.innerWidth;
      card = beside
        ? { entry, left: box.right + 8, top: row.top - 8 }
        : { entry, left: Math.max(8, window.innerWidth - CARD_WIDTH - 8), top: row.bottom + 6, above: row.top - 6 };
      scene.redraw();
      const float = root.querySelector(".explain");
      if (!float) return;
      if (!float.matches(":popover-open")) float.showPopover(); // the top layer: nothing on the page can clip it
      sizes.disconnect();
      sizes.observe(float); // it grows when its formula is drawn
    }, delay);
  }

  const sizes = new ResizeObserver(([{ target }]) => {
    if (!card) return;
    const lowest = window.innerHeight - 8 - target.offsetHeight;
    const top = card.top <= lowest ? card.top : card.above === undefined ? lowest : card.above - target.offsetHeight;
    target.style.top = `${Math.max(8, top)}px`;
  });

  function hideCard() {
    clearTimeout(timer);
    closeCard();
  }

  /** While the list scrolls no card stands beside it, but one that is about to open will. */
  function closeCard() {
    if (card === null) return;
    card = null;
    scene.redraw();
  }

  const items = () => [...root.querySelectorAll("[data-kind]")];

  function go(node) {
    if (!node) return;
    active = node.dataset.kind;
    scene.redraw();
    node.focus();
    node.scrollIntoView({ block: "nearest" });
  }

  function onSearchKey(event) {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      go(items()[0]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const [first] = found(scene.state());
      const [offer] = offered(scene.state());
      if (query && first) add(first.entry);
      else if (offer) take(offer.entry);
    } else if (event.key === "Escape") {
      if (query) change("");
      else event.target.blur();
    }
  }

  function onItemKey(event, entry, act = add) {
    const all = items();
    const here = all.indexOf(event.currentTarget);
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      if (moves[event.key] < 0) root.querySelector("input").focus();
      else go(all[moves[event.key]]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      act(entry);
    } else if (event.key === "Escape") {
      hideCard();
      root.querySelector("input").focus();
    }
  }

  function onDragStart(event, entry) {
    hideCard();
    event.dataTransfer.setData(DRAG_TYPE, JSON.stringify({ kind: entry.kind }));
    event.dataTransfer.setData("text/plain", entry.title);
    event.dataTransfer.effectAllowed = "copy";
    document.documentElement.dataset.csDragging = entry.role;
  }

  function onDragEnd() {
    delete document.documentElement.dataset.csDragging;
  }

  function change(text) {
    query = text;
    active = null;
    hideCard();
    scene.redraw();
    const input = root.querySelector("input");
    if (input.value !== text) input.value = text;
    root.querySelector(".list").scrollTop = 0;
  }

  function item({ entry, via }, first, named) {
    const stop = active === null ? first : entry.kind === active;
    return h(
      "div",
      {
        key: entry.kind,
        role: "button",
        class: `item ${entry.role}${named ? "" : " tile"}`,
        tabindex: stop ? "0" : "-1",
        draggable: "true",
        "data-kind": entry.kind,
        "aria-label": entry.title,
        "aria-description": `${entry.summary}${via ? ` Called ${via.name} in ${via.system}.` : ""}`,
        onclick: () => add(entry),
        onkeydown: (event) => onItemKey(event, entry),
        ondragstart: (event) => onDragStart(event, entry),
        ondragend: onDragEnd,
        onmouseenter: (event) => showCard(entry, event.currentTarget, CARD_DELAY),
        onmouseleave: hideCard,
        onfocus: (event) => {
          if (event.currentTarget.matches(":focus-visible")) showCard(entry, event.currentTarget, 0);
        },
        onblur: hideCard,
      },
      pictogram(entry.picture, named ? 28 : 26),
      named && h(
        "span",
        { class: "words" },
        h("span", { class: "name" }, entry.title),
        via
          ? h("span", { class: "via" }, `${via.system} `, h("b", {}, via.name))
          : h("span", { class: "symbol cs-math" }, entry.symbol),
      ),
    );
  }

  function offer({ entry }) {
    return h(
      "div",
      {
        key: entry.kind,
        role: "button",
        class: "item offer",
        tabindex: entry.kind === active ? "0" : "-1",
        "data-kind": entry.kind,
        "aria-label": `${entry.category}: ${entry.title}`,
        "aria-description": entry.summary,
        onclick: () => take(entry),
        onkeydown: (event) => onItemKey(event, entry, take),
      },
      h("span", { class: "words" }, h("span", { class: "name" }, entry.title), h("span", { class: "via" }, entry.category)),
    );
  }

  function groups(hits) {
    const byCategory = new Map();
    for (const hit of hits) {
      if (!byCategory.has(hit.entry.category)) byCategory.set(hit.entry.category, []);
      byCategory.get(hit.entry.category).push(hit);
    }
    // Operators come first: a model begins with one, and the rest fills its slots.
    const operator = ([, list]) => list.every(({ entry }) => entry.role === "operator");
    const grouped = [...byCategory];
    return [...grouped.filter(operator), ...grouped.filter((group) => !operator(group))].map(([title, list]) => ({ title, hits: list }));
  }

  function explain() {
    if (!card) return null;
    const { entry } = card;
    return h(
      "div",
      { key: "explain", role: "tooltip", popover: "manual", class: `explain ${entry.role}`, style: `left:${card.left}px;top:${card.top}px` },
      h(
        "div",
        { class: "head" },
        pictogram(entry.picture, 56),
        h("div", {}, h("div", { class: "cs-title" }, entry.title), h("code", {}, entry.kind)),
      ),
      h("div", { class: "formula cs-math", own: true, ref: (node) => drawFormula(node, { ...entry, katex: scene.state().katex }) }),
      h("p", {}, entry.summary),
      entry.indefinite ? h("p", { class: "warning" }, "Not positive semi-definite at every parameter value.") : null,
      entry.slots.length
        ? h("p", { class: "slots" }, entry.slots.map((slot) => h("span", { class: "slot" }, h("b", {}, slot.name), ` ${slot.label}`)))
        : null,
      entry.aliases.length
        ? h(
            "dl",
            {},
            systems(entry).map(([system, names]) => [h("dt", {}, system), h("dd", {}, names.join(", "))]),
          )
        : null,
      entry.reference ? h("p", { class: "reference" }, entry.reference) : null,
    );
  }

  /** A category: its name with the number of its structures, which opens and folds it; then their names, or their pictures alone. */
  function category(group, drawn) {
    const named = open.has(group.title);
    return h(
      "section",
      { key: group.title, "aria-label": group.title },
      h(
        "h2",
        { class: "cs-section-title" },
        h(
          "button",
          { type: "button", class: "fold", "aria-expanded": String(named), onclick: () => toggle(group.title) },
          icon(CHEVRON, 12),
          h("span", { class: "title" }, group.title),
          h("span", { class: "count", "aria-label": `${group.hits.length} structures` }, group.hits.length),
        ),
      ),
      h("div", { class: named ? "rows" : "tiles" }, group.hits.map((hit) => drawn(hit, named))),
    );
  }

  /** Opens every category, or folds them all. */
  function foldAll(titles) {
    const all = titles.every((title) => open.has(title));
    const label = all ? "Pictures only" : "Show all names";
    return h(
      "button",
      {
        type: "button",
        class: "cs-icon-button all",
        "aria-label": label,
        title: label,
        onclick: () => unfold(all ? [] : titles),
      },
      icon(all ? TILES : FOLD, 14),
    );
  }

  function systems(entry) {
    const bySystem = new Map();
    for (const { system, name } of entry.aliases) bySystem.set(system, [...(bySystem.get(system) ?? []), name]);
    return [...bySystem];
  }

  function draw(state) {
    const hits = found(state);
    const others = offered(state);
    if (active !== null && ![...hits, ...others].some(({ entry }) => entry.kind === active)) active = null;
    let first = true;
    const drawn = (hit, named) => {
      const made = item(hit, first, named);
      first = false;
      return made;
    };
    const grouped = query ? [] : groups(hits);
    return [
      h(
        "div",
        { class: "search", key: "search" },
        h(
          "div",
          { class: "find" },
          icon(SEARCH, 14),
          h("input", {
            type: "search",
            class: "cs-field",
            placeholder: "Find a structure",
            "aria-label": "Find a structure",
            "aria-controls": "palette-list",
            autocomplete: "off",
            spellcheck: "false",
            oninput: (event) => change(event.target.value),
            onkeydown: onSearchKey,
          }),
          query
            ? h("button", { class: "clear", type: "button", "aria-label": "Clear the search", onclick: () => change("") }, icon(CLEAR, 12))
            : h("span", { class: "cs-kbd", "aria-hidden": "true" }, "/"),
        ),
        !query && foldAll(groups(state.entries.map((entry) => ({ entry }))).map((group) => group.title)),
      ),
      h(
        "div",
        { class: "list cs-scroll", key: "list", id: "palette-list", onscroll: closeCard },
        query && hits.length ? h("section", { key: "found", "aria-label": "Found" }, hits.map((hit) => drawn(hit, true))) : null,
        others.length ? h("section", { key: "offered", "aria-label": "Also" }, h("h2", { class: "cs-section-title also" }, "Also"), others.map(offer)) : null,
        grouped.map((group) => category(group, drawn)),
        hits.length || others.length
          ? null
          : h(
              "div",
              { class: "cs-empty", role: "status" },
              `Nothing is called “${query}”.`,
              h("span", {}, "Try what it is for, or its name in ASReml, SAS, nlme or glmmTMB."),
            ),
      ),
      h("p", { class: "hint", key: "hint" }, "Drag onto the canvas, or press Enter."),
      explain(),
    ];
  }

  // "/" goes to the search from anywhere, except while somebody is typing. The page's bar says the same with an event.
  const search = () => root.querySelector("input").focus();
  function onGlobalKey(event) {
    if (event.defaultPrevented || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.composedPath()[0];
    if (at instanceof HTMLElement && (at.isContentEditable || at.matches("input, textarea, select"))) return;
    event.preventDefault();
    search();
  }
  document.addEventListener("keydown", onGlobalKey);
  document.addEventListener("covstudio:search", search);
  model.on("remove", () => {
    document.removeEventListener("covstudio:search", search);
    document.removeEventListener("keydown", onGlobalKey);
    clearTimeout(timer);
    sizes.disconnect();
  });

  let scene = { redraw: () => {}, state: () => ({ entries: [] }) };
  scene = live(model, root, draw);
}
