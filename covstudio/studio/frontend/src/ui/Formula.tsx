// Formulas, drawn as MathML by the KaTeX that Panel ships; their short form in Unicode stands there until then, and where there
// is none.

import { useLayoutEffect, useRef } from "react";
import { clauses } from "./clauses";

interface Engine {
  render(formula: string, into: Element, options: Record<string, boolean | string>): void;
}

/** The smallest size of text, in pixels, that a long formula is set in; one longer still can be scrolled. */
const SMALLEST = 9.5;
const OPTIONS = { output: "mathml", displayMode: true, throwOnError: true };

const engines = new Map<string, Promise<Engine>>();

/** The engine, loaded once for all formulas of the page. */
function load(address: string): Promise<Engine> {
  let engine = engines.get(address);
  if (engine === undefined) {
    engine = new Promise<Engine>((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => resolve((window as unknown as { katex: Engine }).katex);
      script.onerror = () => {
        engines.delete(address);
        reject(new Error(`no formulas: ${address} could not be loaded`));
      };
      document.head.append(script);
    });
    engines.set(address, engine);
  }
  return engine;
}

/** `formula` is LaTeX, `symbol` its short form, `katex` the address of the engine. */
export function Formula({
  formula,
  symbol,
  katex,
  className,
}: {
  formula: string;
  symbol: string;
  katex: string | null;
  className?: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = place.current;
    if (node === null) return;
    let wanted = true;
    node.style.fontSize = "";
    node.textContent = symbol;
    let sizes: ResizeObserver | null = null;
    if (katex !== null)
      load(katex)
        .then((engine) => {
          if (!wanted) return;
          engine.render(formula, node, OPTIONS);
          let broken = false;
          sizes = new ResizeObserver(() => {
            if (node.clientWidth === 0) return; // nobody sees it, and nobody knows how wide it will be
            if (!broken) breakLines(engine, formula, node);
            broken = true;
            shrink(node);
          });
          sizes.observe(node);
        })
        .catch(() => {
          if (wanted) node.textContent = symbol;
        });
    return () => {
      wanted = false;
      sizes?.disconnect();
    };
  }, [formula, symbol, katex]);
  return <div ref={place} className={className} />;
}

/** What is wider than its place has a line for each clause. */
function breakLines(engine: Engine, formula: string, node: HTMLElement): void {
  const lines = clauses(formula);
  if (lines.length > 1 && node.scrollWidth > node.clientWidth) {
    node.replaceChildren(
      ...lines.map((line) => {
        const own = document.createElement("div");
        engine.render(line, own, OPTIONS);
        return own;
      }),
    );
  }
}

/** A long formula is set smaller, down to what can be read. */
function shrink(node: HTMLElement): void {
  node.style.fontSize = "";
  const share = node.clientWidth / node.scrollWidth;
  if (!(share < 1)) return;
  const size = Number.parseFloat(getComputedStyle(node).fontSize);
  node.style.fontSize = `${Math.max(size * share * 0.98, SMALLEST)}px`;
}
