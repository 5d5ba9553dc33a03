// Drawing helpers shared by every hand-written view. Text reaches the page only through text nodes and attributes, never as
// markup, so nothing a user typed can become an element.

const SVG_NS = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "circle", "line", "rect", "polyline", "g"]);
const PROPERTIES = new Set(["value", "checked", "disabled", "indeterminate"]);

/** A description of an element; `patch` makes or updates the real one. */
function h(tag, props, ...children) {
  return { tag, props: props || {}, children: flatten(children) };
}

function flatten(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== true);
}

/** Make `parent` hold exactly these children, reusing elements so that focus, selection and scroll positions stay. */
function patch(parent, ...children) {
  const wanted = flatten(children);
  const keyed = new Map();
  const loose = [];
  for (const node of parent.childNodes) {
    if (node.__key !== undefined) keyed.set(node.__key, node);
    else loose.push(node);
  }
  let cursor = 0;
  const nodes = wanted.map((child) => {
    const key = typeof child === "object" ? child.props.key : undefined;
    let old;
    if (key !== undefined) old = keyed.get(key);
    else {
      while (cursor < loose.length && old === undefined) {
        const candidate = loose[cursor++];
        if (fits(candidate, child)) old = candidate;
      }
    }
    return old !== undefined && fits(old, child) ? update(old, child) : create(child);
  });
  const kept = new Set(nodes);
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  let place = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
}

function fits(node, child) {
  return typeof child === "object" ? node.__tag === child.tag : node.nodeType === Node.TEXT_NODE;
}

function create(child) {
  if (typeof child !== "object") return document.createTextNode(String(child));
  const node = SVG_TAGS.has(child.tag) ? document.createElementNS(SVG_NS, child.tag) : document.createElement(child.tag);
  node.__tag = child.tag;
  node.__props = {};
  if (child.props.key !== undefined) node.__key = child.props.key;
  return update(node, child);
}

function update(node, child) {
  if (typeof child !== "object") {
    if (node.data !== String(child)) node.data = String(child);
    return node;
  }
  const before = node.__props;
  const { ref, own, ...props } = child.props;
  if (!own) patch(node, child.children); // `own`: the element's content is drawn by somebody else
  for (const name of Object.keys(before)) if (!(name in props)) setProp(node, name, undefined, before[name]);
  for (const [name, value] of Object.entries(props)) if (name !== "key") setProp(node, name, value, before[name]);
  node.__props = props;
  if (ref) ref(node);
  return node;
}

function setProp(node, name, value, before) {
  if (name.startsWith("on")) {
    node[name] = value ?? null;
  } else if (name === "value") {
    // What the person is typing is not overwritten; `revert` and `commit` clear the mark.
    if (!node.__dirty && node.value !== String(value ?? "")) node.value = value ?? "";
  } else if (PROPERTIES.has(name)) {
    if (node[name] !== Boolean(value)) node[name] = Boolean(value);
  } else if (value !== before) {
    if (value === undefined || value === null || value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
}

/** A one-line icon drawn with the text's colour. */
function icon(path, size = 16) {
  return h(
    "svg",
    { viewBox: "0 0 16 16", width: size, height: size, "aria-hidden": "true", class: "icon" },
    path.split("|").map((d) =>
      h("path", {
        d,
        fill: "none",
        stroke: "currentColor",
        "stroke-width": "1.5",
        "stroke-linecap": "round",
        "stroke-linejoin": "round",
      }),
    ),
  );
}

/**
 * Props of a text input that hands its text over when the person is done: Enter or leaving commits, Escape takes it back.
 * `commit(text)` may return a sentence saying why the text will not do; then it stays to be mended and `complain` shows why.
 */
function editing(value, commit, complain = () => {}) {
  const finish = (input) => {
    if (!input.__dirty) return true;
    const trouble = input.value === String(input.__props.value ?? "") ? undefined : commit(input.value);
    if (trouble) {
      complain(trouble);
      return false;
    }
    input.__dirty = false;
    complain(null);
    return true;
  };
  const revert = (input) => {
    input.__dirty = false;
    input.value = input.__props.value ?? "";
    complain(null);
  };
  return {
    value,
    oninput: (event) => {
      event.target.__dirty = true;
    },
    onkeydown: (event) => {
      if (event.key === "Enter" && event.target.tagName !== "TEXTAREA") {
        if (finish(event.target)) event.target.select();
        event.stopPropagation();
      } else if (event.key === "Escape") {
        revert(event.target);
        event.target.blur();
        event.stopPropagation();
      }
    },
    onblur: (event) => {
      if (!finish(event.target)) revert(event.target);
    },
  };
}

/** What is wrong or missing: {node, name, message, unfinished}; a line with a node leads there through `choose(node)`. */
function problemList(problems, label, choose) {
  if (!problems.length) return null;
  return h(
    "ul",
    { class: "cs-problems", "aria-label": label },
    problems.map((problem) => {
      const look = `cs-notice cs-notice--${problem.unfinished ? "todo" : "problem"}`;
      const text = choose ? [h("b", {}, problem.name), ": ", problem.message] : problem.message;
      return h(
        "li",
        {},
        choose && problem.node ? h("button", { type: "button", class: look, onclick: () => choose(problem.node) }, text) : h("div", { class: look }, text),
      );
    }),
  );
}

/** Call `fn` once, `delay` ms after the last of many calls. */
function debounce(fn, delay) {
  let timer;
  const wrapped = (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), delay);
  };
  wrapped.cancel = () => clearTimeout(timer);
  return wrapped;
}

/** A number for reading: at most `digits` significant digits, no exponent where avoidable, a true minus sign. */
function short(number, digits = 4) {
  const value = numeric(number);
  if (value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-4 ? value.toExponential(Math.max(digits - 2, 1)) : String(Number(value.toPrecision(digits)));
  return text.replace("-", "−");
}

/** A number with a fixed number of decimals, for columns that line up. */
function fixed(number, decimals = 6) {
  const value = numeric(number);
  if (value === null || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  return value.toFixed(decimals).replace("-", "−");
}

/** Numbers travel as JSON; infinities and NaN as the texts "inf", "-inf", "nan". */
function numeric(value) {
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  if (value === "nan" || value === undefined || value === null) return null;
  return Number(value);
}

/** Start a download of a text the page holds. */
function download(name, text, type = "text/plain;charset=utf-8") {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Put a text on the clipboard; also where the page is served without https. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** Draw now and whenever the state changes; also hand over the messages that are not state. */
function live(model, el, draw, messages = {}) {
  let state = {};
  const redraw = () => patch(el, draw(state));
  const refresh = () => {
    state = JSON.parse(model.state);
    redraw();
  };
  model.on("state", refresh);
  model.on("msg:custom", (message) => {
    const data = message?.data ?? message;
    const kind = data?.type ?? data?.get?.("type");
    const content = data?.json ?? data?.get?.("json");
    if (messages[kind]) messages[kind](content ? JSON.parse(content) : {});
  });
  refresh();
  return { redraw, state: () => state };
}

/**
 * Send a file in pieces small enough for any server's message limit; Python answers nothing, it assembles (files.Assembler).
 * `refuse` is called with a sentence when the file cannot be read here.
 */
async function sendFile(model, purpose, file, refuse = () => {}, progress = () => {}) {
  const size = 2 ** 20;
  const id = `${Date.now()}-${Math.random()}`;
  const total = Math.max(1, Math.ceil(file.size / size));
  try {
    for (let index = 0; index < total; index++) {
      const data = await file.slice(index * size, (index + 1) * size).arrayBuffer();
      model.send_msg({ type: "chunk", purpose, id, name: file.name, index, total, size: file.size, data });
      progress((index + 1) / total);
      if (index % 8 === 7) await new Promise((resume) => setTimeout(resume, 0));
    }
  } catch (error) {
    refuse(`${file.name} could not be read: ${error.message}`);
  }
}
