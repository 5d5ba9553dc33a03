// The palette: search, categories, and entries that can be dragged onto the canvas or added with a click or Enter.
// Everything drawn comes from the catalogue, through `state.entries`.

const DRAG_TYPE = "application/x-covstudio-structure";
const SEARCH = "M7 12.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11Z|M11 11l3.5 3.5";
const CLEAR = "M4.5 4.5l7 7|M11.5 4.5l-7 7";
const CARD_DELAY = 450;

/** Lower case, without accents and punctuation: "AR(1)" and "ar1" are the same word. */
function fold(text) {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9α-ω ]/g, "")
    .trim();
}

const squeeze = (text) => text.replaceAll(" ", "");

/** How well an entry answers the query: the smaller the better; null when it does not. `via` names another system's word. */
function match(entry, query) {
  const whole = fold(query);
  if (!whole) return { score: 0, via: null };
  const words = whole.split(/\s+/);
  const title = fold(entry.title);
  const begins = (text) => text.startsWith(whole) || words.every((word) => text.split(" ").some((part) => part.startsWith(word)));
  const alias = (test) => entry.aliases.find((one) => test(fold(one.name), one)) ?? null;
  const same = alias((name) => name === whole);
  if (title === whole) return { score: 0, via: null };
  if (same) return { score: 1, via: same };
  if (begins(title) || fold(entry.kind).startsWith(whole)) return { score: 2, via: null };
  const begun = alias((name) => name.startsWith(whole));
  if (begun) return { score: 3, via: begun };
  if (whole.length < 2) return null;
  const names = [title, fold(entry.kind), fold(entry.symbol)];
  if (names.some((name) => squeeze(name).includes(squeeze(whole)))) return { score: 4, via: null };
  if (whole.length < 3) return null;
  const about = `${fold(entry.summary)} ${fold(entry.category)}`;
  if (words.every((word) => about.includes(word))) return { score: 5, via: null };
  const told = alias((name, { system }) => words.every((word) => `${fold(system)} ${name}`.includes(word)));
  return told ? { score: 6, via: told } : null;
}

/** The pattern of a small example as an icon in the colour of the text. */
function pictogram(picture, size) {
  const cell = 20 / Math.max(picture.rows, picture.cols);
  const left = (20 - cell * picture.cols) / 2;
  const top = (20 - cell * picture.rows) / 2;
  return h(
    "svg",
    { viewBox: "0 0 20 20", width: size, height: size, "aria-hidden": "true", class: "pictogram" },
    h("rect", { class: "ground", x: left, y: top, width: cell * picture.cols, height: cell * picture.rows, rx: 1.5 }),
    picture.cells.map(([row, column, weight]) =>
      h("rect", {
        class: weight < 0 ? "cell below" : "cell",
        x: left + column * cell,
        y: top + row * cell,
        width: cell,
        height: cell,
        "fill-opacity": Math.max(Math.abs(weight), 0.12),
      }),
    ),
  );
}

export function render({ model, el, view }) {
  let query = "";
  let active = null; // kind of the entry that has the tab stop
  let card = null; // {entry, top}: the entry explained beside the list
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

  function found(state) {
    const hits = [];
    state.entries.forEach((entry, order) => {
      const hit = match(entry, query);
      if (hit) hits.push({ entry, via: hit.via, score: hit.score, order });
    });
    if (query) hits.sort((a, b) => a.score - b.score || a.order - b.order);
    return hits;
  }

  function showCard(entry, node, delay) {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const box = root.getBoundingClientRect();
      const row = node.getBoundingClientRect();
      card = { entry, left: box.right + 8, top: row.top - 8 };
      scene.redraw();
      const float = root.querySelector(".explain");
      if (!float) return;
      if (!float.matches(":popover-open")) float.showPopover(); // the top layer: nothing on the page can clip it
      const over = float.getBoundingClientRect().bottom - (window.innerHeight - 8);
      if (over > 0) float.style.top = `${row.top - 8 - over}px`;
    }, delay);
  }

  function hideCard() {
    clearTimeout(timer);
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
      if (query && first) add(first.entry);
    } else if (event.key === "Escape") {
      if (query) change("");
      else event.target.blur();
    }
  }

  function onItemKey(event, entry) {
    const all = items();
    const here = all.indexOf(event.currentTarget);
    const moves = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: all.length - 1 };
    if (event.key in moves) {
      event.preventDefault();
      if (moves[event.key] < 0) root.querySelector("input").focus();
      else go(all[moves[event.key]]);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      add(entry);
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

  function item({ entry, via }, first) {
    const stop = active === null ? first : entry.kind === active;
    return h(
      "div",
      {
        key: entry.kind,
        role: "button",
        class: `item ${entry.role}`,
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
      pictogram(entry.picture, 28),
      h(
        "span",
        { class: "words" },
        h("span", { class: "name" }, entry.title),
        via
          ? h("span", { class: "via" }, h("b", {}, via.name), ` in ${via.system}`)
          : h("span", { class: "symbol cs-math" }, entry.symbol),
      ),
    );
  }

  function groups(hits) {
    if (query) return [{ title: null, hits }];
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
        h("div", {}, h("div", { class: "cs-title" }, entry.title), h("div", { class: "formula cs-math" }, entry.symbol)),
      ),
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
      h("code", {}, entry.kind),
    );
  }

  function systems(entry) {
    const bySystem = new Map();
    for (const { system, name } of entry.aliases) bySystem.set(system, [...(bySystem.get(system) ?? []), name]);
    return [...bySystem];
  }

  function draw(state) {
    const hits = found(state);
    if (active !== null && !hits.some(({ entry }) => entry.kind === active)) active = null;
    let first = true;
    return [
      h(
        "div",
        { class: "search", key: "search" },
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
      h(
        "div",
        { class: "list cs-scroll", key: "list", id: "palette-list", onscroll: hideCard },
        groups(hits).map((group) =>
          h(
            "section",
            { key: group.title ?? "found", "aria-label": group.title ?? "Found" },
            group.title ? h("h2", { class: "cs-section-title" }, group.title) : null,
            group.hits.map((hit) => {
              const drawn = item(hit, first);
              first = false;
              return drawn;
            }),
          ),
        ),
        hits.length
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
  });

  let scene = { redraw: () => {}, state: () => ({ entries: [] }) };
  scene = live(model, root, draw);
}
