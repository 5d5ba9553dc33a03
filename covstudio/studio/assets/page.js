// The frame's own behaviour: tabs, splitters, and one region at a time on a narrow page. It knows nothing of the model; the bar
// component speaks for Python through the events "covstudio:tab", "covstudio:open" and "covstudio:mark" on the document.
(() => {
  const LIMITS = { left: [160, 360], right: [300, 720], dock: [96, 480] };
  const body = document.body;
  const narrow = matchMedia("(max-width: 820px)");
  const store = {
    get: (key) => {
      try {
        return localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    set: (key, value) => {
      try {
        localStorage.setItem(key, value);
      } catch {}
    },
  };

  // ---- tabs ----
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const panels = new Map(tabs.map((tab) => [tab.dataset.tab, document.getElementById(tab.getAttribute("aria-controls"))]));

  function open(name, { focus = false } = {}) {
    if (!panels.has(name)) return;
    for (const tab of tabs) {
      const chosen = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      panels.get(tab.dataset.tab).hidden = !chosen;
      if (chosen) {
        delete tab.dataset.mark;
        tab.scrollIntoView({ block: "nearest", inline: "nearest" });
        if (focus) tab.focus();
      }
    }
    if (narrow.matches && body.dataset.view !== "side") view("side");
    document.dispatchEvent(new CustomEvent("covstudio:tab", { detail: name }));
    window.dispatchEvent(new Event("resize"));
  }

  for (const [index, tab] of tabs.entries()) {
    tab.addEventListener("click", () => open(tab.dataset.tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const to = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step ? index + step : null;
      if (to === null) return;
      event.preventDefault();
      open(tabs[(to + tabs.length) % tabs.length].dataset.tab, { focus: true });
    });
  }
  document.addEventListener("covstudio:open", (event) => open(event.detail));
  document.addEventListener("covstudio:mark", (event) => {
    const tab = tabs.find((candidate) => candidate.dataset.tab === event.detail.tab);
    if (!tab || tab.getAttribute("aria-selected") === "true") return;
    tab.dataset.mark = event.detail.mark;
  });

  // ---- narrow: one region at a time ----
  const views = [...document.querySelectorAll("#cs-switch button")];
  function view(name) {
    body.dataset.view = name;
    for (const button of views) button.setAttribute("aria-current", String(button.dataset.view === name));
    window.dispatchEvent(new Event("resize"));
  }
  for (const button of views) {
    button.addEventListener("click", () => view(button.dataset.view === body.dataset.view ? "canvas" : button.dataset.view));
  }
  document.addEventListener("dragstart", () => {
    if (narrow.matches && body.dataset.view === "palette") setTimeout(() => view("canvas"), 0);
  });
  document.addEventListener("covstudio:view", (event) => narrow.matches && view(event.detail));
  view("canvas");

  // ---- the palette and the dock fold away ----
  document.addEventListener("covstudio:fold", (event) => {
    const key = event.detail;
    const closed = body.dataset[key] !== "closed";
    body.dataset[key] = closed ? "closed" : "open";
    store.set(`covstudio.${key}`, body.dataset[key]);
    window.dispatchEvent(new Event("resize"));
  });
  for (const key of ["palette", "dock"]) if (store.get(`covstudio.${key}`) === "closed") body.dataset[key] = "closed";

  // ---- splitters ----
  function size(name) {
    return parseFloat(getComputedStyle(body).getPropertyValue(`--${name}`));
  }
  function resize(splitter, value) {
    const [least, most] = LIMITS[splitter.dataset.size];
    const wanted = Math.round(Math.min(Math.max(value, least), most));
    body.style.setProperty(`--${splitter.dataset.size}`, `${wanted}px`);
    splitter.setAttribute("aria-valuenow", wanted);
    store.set(`covstudio.size.${splitter.dataset.size}`, wanted);
  }
  for (const splitter of document.querySelectorAll(".cs-splitter")) {
    const name = splitter.dataset.size;
    const [least, most] = LIMITS[name];
    const sign = name === "left" ? 1 : -1;
    splitter.setAttribute("aria-valuemin", least);
    splitter.setAttribute("aria-valuemax", most);
    const kept = parseFloat(store.get(`covstudio.size.${name}`));
    if (kept >= least && kept <= most && kept < window.innerWidth / 2) body.style.setProperty(`--${name}`, `${kept}px`);
    splitter.setAttribute("aria-valuenow", Math.round(size(name)));
    splitter.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      splitter.setPointerCapture(event.pointerId);
      splitter.dataset.moving = "";
      const from = name === "dock" ? event.clientY : event.clientX;
      const start = size(name);
      const move = (moved) => resize(splitter, start + sign * ((name === "dock" ? moved.clientY : moved.clientX) - from));
      const stop = () => {
        delete splitter.dataset.moving;
        splitter.removeEventListener("pointermove", move);
        window.dispatchEvent(new Event("resize"));
      };
      splitter.addEventListener("pointermove", move);
      splitter.addEventListener("pointerup", stop, { once: true });
      splitter.addEventListener("pointercancel", stop, { once: true });
    });
    splitter.addEventListener("dblclick", () => {
      body.style.removeProperty(`--${name}`);
      try {
        localStorage.removeItem(`covstudio.size.${name}`);
      } catch {}
      splitter.setAttribute("aria-valuenow", Math.round(size(name)));
      window.dispatchEvent(new Event("resize"));
    });
    splitter.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      resize(splitter, size(name) + sign * step * (event.shiftKey ? 48 : 16));
      window.dispatchEvent(new Event("resize"));
    });
  }
})();
