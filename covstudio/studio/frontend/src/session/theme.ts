// Light or dark: an attribute of the document that everything reads. In a notebook nobody has set it, and the tokens of
// theme.css, which speak of the document's root, have to stand at the root of the studio.

import { memory } from "./browser";

const ATTRIBUTE = "data-cs-theme";

/** Whether the page is dark now. */
export function isDark(): boolean {
  return document.documentElement.getAttribute(ATTRIBUTE) === "dark";
}

/** Make the page dark or light, also when it comes again (`assets/theme.js`). */
export function setDark(dark: boolean): void {
  document.documentElement.setAttribute(ATTRIBUTE, dark ? "dark" : "light");
  memory.set("covstudio.theme", dark ? "dark" : "light");
}

/** The theme of the page around: Jupyter says it on the body, other pages leave it to the system. */
function around(): "light" | "dark" {
  const jupyter = document.body.dataset.jpThemeLight;
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** The style sheet with its tokens at the host of a shadow root instead of the document's root. */
export function atHost(styles: string): string {
  return styles.replace(/:root(\[[^\]]*\])?/g, (_, attribute: string | undefined) =>
    attribute === undefined ? ":host" : `:host(${attribute})`,
  );
}

/** Keep a host at the document's theme; returns what ends it. */
export function followTheme(host: HTMLElement): () => void {
  const { documentElement } = document;
  if (!documentElement.hasAttribute(ATTRIBUTE)) documentElement.setAttribute(ATTRIBUTE, around());
  const follow = () => host.setAttribute(ATTRIBUTE, documentElement.getAttribute(ATTRIBUTE) ?? "light");
  follow();
  return watchTheme(follow);
}

/** Call back when the page has become dark or light; returns what ends it. */
export function watchTheme(changed: () => void): () => void {
  const watch = new MutationObserver(changed);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: [ATTRIBUTE] });
  return () => watch.disconnect();
}
