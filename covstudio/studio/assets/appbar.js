// The bar: what concerns the whole model and the whole page. It is also the page's voice towards Python: it reports the opened
// tab, speaks for the keyboard, shows notices and keeps the draft in this browser.

const ICONS = {
  open: "M2 12.5v-9h4l1.5 1.8H13V7|M2 12.5 4 7h11l-2 5.5z",
  save: "M3 2.5h8l2 2v9H3z|M5.5 2.5v3.5h5V2.5|M5 13.5V9.5h6v4",
  templates: "M2.5 2.5h4.5v11H2.5z|M9.5 2.5h4v4.5h-4z|M9.5 9.5h4v4h-4z",
  examples: "M2.5 3.5h11v9h-11z|M2.5 6.5h11|M2.5 9.5h11|M6.5 3.5v9",
  undo: "M5.5 3 2.5 6l3 3|M2.5 6h7a3.5 3.5 0 0 1 0 7H6",
  redo: "M10.5 3l3 3-3 3|M13.5 6h-7a3.5 3.5 0 0 0 0 7H10",
  moon: "M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z|M8 1.5v1.2|M8 13.3v1.2|M1.5 8h1.2|M13.3 8h1.2|M3.4 3.4l.85.85|M11.75 11.75l.85.85|M12.6 3.4l-.85.85|M4.25 11.75l-.85.85",
  help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8z|M6.3 6.2a1.75 1.75 0 1 1 2.6 1.6c-.6.3-.9.7-.9 1.3|M8 11.3v.1",
  close: "M4 4l8 8|M12 4l-8 8",
  panel: "M2.5 3h11v10h-11z|M6 3v10",
  caret: "M5 7l3 3 3-3",
};
const DRAFT = "covstudio.draft";
const LONGEST_START = 30000; // milliseconds
function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function render({ model, el }) {
  let menu = null; // which menu is open
  let help = false;
  let notices = [];
  let seen = 0;
  let draft = readDraft();
  let dark = document.documentElement.dataset.csTheme === "dark";
  const send = (type, content = {}) => model.send_msg({ type, ...content });
  const emit = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

  function readDraft() {
    try {
      const found = JSON.parse(kept(DRAFT));
      return found && typeof found.text === "string" ? found : null;
    } catch {
      return null;
    }
  }

  // ---- drawing ----

  function tool(name, label, onclick, { tip = label, disabled = false, text = false, side } = {}) {
    return h(
      "button",
      {
        type: "button",
        class: text ? "cs-button cs-button--quiet tool" : "cs-icon-button",
        "aria-label": label,
        "aria-description": tip === label ? undefined : tip,
        "data-tip": tip,
        "data-tip-side": side,
        disabled,
        onclick,
      },
      icon(ICONS[name]),
      text && h("span", { class: "tool-text" }, label),
    );
  }

  function menuButton(name, label, items, choose, hint) {
    const open = menu === name;
    return h(
      "div",
      { class: "menu-host", key: name },
      h(
        "button",
        {
          type: "button",
          class: "cs-button cs-button--quiet tool",
          "aria-label": label,
          "aria-haspopup": "menu",
          "aria-expanded": String(open),
          "data-tip": open ? "" : hint,
          onclick: (event) => {
            event.stopPropagation();
            show(open ? null : name);
          },
          onkeydown: (event) => {
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            show(name);
          },
        },
        icon(ICONS[name]),
        h("span", { class: "tool-text" }, label),
        h("span", { class: "caret" }, icon(ICONS.caret, 12)),
      ),
      open &&
        h(
          "div",
          { class: "cs-menu", role: "menu", "aria-label": label, onkeydown: walk },
          items.map((item) =>
            h(
              "button",
              {
                type: "button",
                class: "item",
                role: "menuitem",
                "aria-label": item.title,
                "aria-description": item.description,
                tabindex: "-1",
                onclick: () => {
                  show(null);
                  choose(item);
                },
              },
              h("b", {}, item.title),
              h("span", {}, item.description),
            ),
          ),
        ),
    );
  }

  function show(name) {
    menu = name;
    view.redraw();
    if (menu) el.querySelector('[role="menuitem"]')?.focus();
  }

  function walk(event) {
    const items = [...el.querySelectorAll('[role="menuitem"]')];
    const at = items.indexOf(event.target);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") {
      const button = el.querySelector('[aria-expanded="true"]');
      show(null);
      if (event.key === "Escape") button?.focus();
    } else if (to !== undefined) {
      event.preventDefault();
      items[(to + items.length) % items.length].focus();
    }
  }

  function toast(notice) {
    const error = notice.level === "error" || notice.level === "warning";
    return h(
      "div",
      { class: "toast", key: notice.serial, "data-level": notice.level, role: error ? "alert" : "status" },
      h("p", {}, notice.text, notice.actions && h("span", { class: "actions" }, notice.actions)),
      h(
        "button",
        { type: "button", class: "cs-icon-button", "aria-label": "Dismiss", onclick: () => (notice.dismiss ?? dismiss)(notice.serial) },
        icon(ICONS.close, 14),
      ),
    );
  }

  function dismiss(serial) {
    notices = notices.filter((notice) => notice.serial !== serial);
    view.redraw();
  }

  function forget() {
    draft = null;
    view.redraw();
  }

  function draftOffer() {
    const when = new Date(draft.saved);
    const day = when.toDateString() === new Date().toDateString() ? "today" : when.toLocaleDateString();
    const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return toast({
      serial: "draft",
      level: "info",
      text: `Restore your last session? “${draft.title}”, ${day} at ${time}.`,
      dismiss: () => {
        try {
          localStorage.removeItem(DRAFT);
        } catch {}
        forget();
      },
      actions: [
        h(
          "button",
          {
            type: "button",
            class: "cs-button cs-button--small",
            onclick: () => {
              sendFile(model, "restore", new File([draft.text], "the last session"));
              forget();
            },
          },
          "Restore",
        ),
      ],
    });
  }

  function draw(state) {
    if (state.notice && state.notice.serial > seen) {
      const notice = state.notice;
      seen = notice.serial;
      notices = [...notices.filter((other) => other.text !== notice.text), notice].slice(-3);
      if (notice.level === "info" || notice.level === "ok") setTimeout(() => dismiss(notice.serial), 5000);
      else if (notice.level === "warning") setTimeout(() => dismiss(notice.serial), 12000);
    }
    return h(
      "div",
      { class: "cs-root" },
      h(
        "div",
        { class: "bar" },
        h("span", { class: "cs-divider wide", role: "presentation" }),
        h("input", {
          ...editing(state.title, (text) => send("title", { title: text })),
          class: "cs-field title",
          "aria-label": "Model title",
          maxlength: 200,
          spellcheck: "false",
        }),
        h(
          "div",
          { class: "cs-group", role: "group", "aria-label": "File" },
          tool("open", "Open", chooseFile, { text: true, tip: `Open a saved model (${MOD} O)` }),
          tool("save", "Save", () => send("save"), { text: true, tip: `Save the model and its table as a file (${MOD} S)` }),
          h("input", {
            type: "file",
            class: "cs-hidden-text",
            tabindex: "-1",
            "aria-hidden": "true",
            accept: ".json,application/json",
            "aria-label": "Open a model file",
            onchange: (event) => {
              const [file] = event.target.files;
              event.target.value = "";
              if (file) openFile(file, state.limit);
            },
          }),
        ),
        h("span", { class: "cs-divider" }),
        h(
          "div",
          { class: "cs-group", role: "group", "aria-label": "Start" },
          menuButton("templates", "Templates", state.templates ?? [], (item) => send("template", { name: item.name }), "Start from a template"),
          menuButton("examples", "Examples", state.examples ?? [], (item) => send("example", { name: item.name }), "Load a built-in table"),
        ),
        h("span", { class: "spacer" }),
        h(
          "button",
          {
            type: "button",
            class: "chip",
            "data-level": state.chip?.level,
            "data-tip": state.chip?.tip,
            "aria-label": `State of the model: ${state.chip?.text}`,
            onclick: () => send("chip"),
          },
          h("span", { class: "chip-text" }, state.chip?.text),
        ),
        h(
          "div",
          { class: "cs-group", role: "group", "aria-label": "History" },
          tool("undo", "Undo", () => send("undo"), { disabled: !state.undo, tip: state.undo ? `Undo: ${state.undo} (${MOD} Z)` : "Nothing to undo" }),
          tool("redo", "Redo", () => send("redo"), { disabled: !state.redo, tip: state.redo ? `Redo: ${state.redo} (${MOD} Shift Z)` : "Nothing to redo" }),
        ),
        h("span", { class: "cs-divider wide" }),
        h(
          "div",
          { class: "cs-group", role: "group", "aria-label": "Page" },
          tool(dark ? "sun" : "moon", dark ? "Light theme" : "Dark theme", toggleTheme, { side: "right" }),
          tool("help", "Help", openHelp, { tip: "Help and shortcuts (?)", side: "right" }),
        ),
      ),
      h("div", { class: "toasts", key: "toasts" }, draft && draftOffer(), notices.map(toast)),
      helpDialog(help, state, () => {
        help = false;
        view.redraw();
      }),
    );
  }

  // ---- the connection ----

  const LOST = "connection";
  const connected = (event) => {
    notices = notices.filter((notice) => notice.serial !== LOST);
    if (event) {
      const again = event.timeout !== null && event.timeout !== undefined;
      const text = again
        ? "The connection to the server is lost; trying again…"
        : "The server cannot be reached. The last saved state of your model stays in this browser: start the server and reload this page.";
      notices = [...notices, { text, level: "error", serial: LOST }];
    }
    view.redraw();
  };
  model.document?.on_event("connection_lost", (_, event) => connected(event));
  model.document?.on_event("client_reconnected", () => connected(null));

  // ---- doing ----

  function say(text, level) {
    notices = [...notices, { text, level, serial: `local ${Date.now()}` }];
    view.redraw();
  }

  function chooseFile() {
    el.querySelector('input[type="file"]').click();
  }

  function openFile(file, limit) {
    if (file.size > limit) {
      say(`${file.name} is ${(file.size / 1e6).toFixed(1)} MB; at most ${(limit / 1e6).toFixed(0)} MB can be opened. Save the model with a smaller table.`, "error");
      return;
    }
    sendFile(model, "open", file, (trouble) => say(trouble, "error"));
  }

  function openHelp() {
    help = true;
    view.redraw();
  }

  function toggleTheme() {
    dark = !dark;
    document.documentElement.dataset.csTheme = dark ? "dark" : "light";
    try {
      localStorage.setItem("covstudio.theme", dark ? "dark" : "light");
    } catch {}
    send("dark", { dark });
    view.redraw();
  }

  function keep({ text, title }) {
    try {
      if (text) localStorage.setItem(DRAFT, JSON.stringify({ text, title, saved: Date.now() }));
      else localStorage.removeItem(DRAFT);
    } catch {} // storage full or forbidden: the offer is a courtesy
  }

  const TYPING = new Set(["text", "search", "number", "email", "url", "password", ""]);
  function typing(target) {
    if (!target || !target.tagName) return false;
    if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
    return target.tagName === "INPUT" && TYPING.has(target.getAttribute("type") ?? "");
  }

  function onKey(event) {
    const target = event.composedPath()[0];
    const mod = apple ? event.metaKey : event.ctrlKey;
    const key = event.key.toLowerCase();
    const act = (fn) => {
      event.preventDefault();
      fn();
    };
    if (mod && key === "s") return act(() => (target?.blur?.(), send("save")));
    if (mod && key === "o") return act(chooseFile);
    const tab = event.altKey && !mod && /^Digit[1-9]$/.test(event.code) && view.state().tabs[Number(event.code.at(-1)) - 1];
    if (tab) return act(() => emit("covstudio:open", tab.name));
    // The canvas hears undo and redo itself, wherever the keyboard stands, but in a text field. There the browser's own undo is
    // the right one while there is something of it to undo, and the model's when there is not.
    if (typing(target)) {
      if (!mod || target.__dirty) return;
      if (key === "z") return act(() => send(event.shiftKey ? "redo" : "undo"));
      if (key === "y") return act(() => send("redo"));
      return;
    }
    if (mod || event.altKey) return;
    if (event.key === "?") return act(openHelp);
    if (event.key === "/") return act(() => emit("covstudio:search"));
  }

  const outside = (event) => {
    if (menu && !event.composedPath().includes(el)) show(null);
    else if (menu && !event.composedPath().some((node) => node.classList?.contains("menu-host"))) show(null);
  };
  const onTab = (event) => send("tab", { tab: event.detail });
  // In the capture phase, before the canvas swallows keys that are meant for the whole page.
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", outside);
  document.addEventListener("covstudio:tab", onTab);
  model.on("remove", () => {
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("pointerdown", outside);
    document.removeEventListener("covstudio:tab", onTab);
  });

  const view = live(model, el, draw, {
    download: ({ name, text, base64, type }) => download(name, base64 ? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)) : text, type),
    settle: () => send("settled"),
    open: ({ tab }) => emit("covstudio:open", tab),
    mark: ({ tab, mark }) => emit("covstudio:mark", { tab, mark }),
    view: ({ view: name }) => emit("covstudio:view", name),
    draft: keep,
  });

  // The page is ready when all of it stands and the canvas shows the model: from then on every key and every click is answered.
  // The theme is told only then: Panel loses what changes in a component while the page is still loading. What cannot be drawn
  // must not hold up the rest for ever.
  const began = performance.now();
  (function ready() {
    const stands = model.document?.is_idle && window.covstudioCanvas?.ready;
    if (!stands && performance.now() - began < LONGEST_START) return setTimeout(ready, 30);
    document.body.dataset.ready = "true";
    send("ready", { dark });
    // A tab may have been opened before there was anybody to tell.
    const tab = document.querySelector('[role="tab"][aria-selected="true"]')?.dataset.tab;
    if (tab) send("tab", { tab });
  })();
}
