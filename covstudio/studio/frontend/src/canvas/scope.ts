// What is the canvas's to answer: keys and clipboard events that speak of the model, where the model is looked at.

/** Whether what happens here belongs to what is being written. */
function isTyping(target: EventTarget | undefined): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.matches("textarea, select")) return true;
  return (
    target instanceof HTMLInputElement &&
    !["range", "checkbox", "radio", "button", "file"].includes(target.type)
  );
}

/** Whether an event happens on the canvas, in the palette, or nowhere in particular, and not in a field. */
export function actsOnModel(event: Event, canvas: HTMLElement | null): boolean {
  const path = event.composedPath();
  if (isTyping(path[0])) return false;
  const nowhere = path[0] === document.body || path[0] === document.documentElement;
  const inModel = path.some((at) => at instanceof HTMLElement && at.dataset.csScope === "model");
  return nowhere || inModel || (canvas !== null && path.includes(canvas));
}
