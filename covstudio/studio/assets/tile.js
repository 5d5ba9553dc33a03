// One picture of one matrix: a canvas that the bus paints.

export function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.style.cssText = "display:block;image-rendering:pixelated;";
  let forget = () => {};
  let gone = false;
  const size = () => {
    canvas.style.width = `${model.size}px`;
    canvas.style.height = `${model.size}px`;
  };
  const label = () => canvas.setAttribute("aria-label", model.alt);
  const join = () => {
    canvas.dataset.tile = model.key;
    (window.covstudioQueue ??= []).push((bus) => {
      if (gone) return;
      forget();
      forget = bus.register(model.key, canvas, { hover: model.hover });
    });
  };
  size();
  label();
  el.append(canvas);
  join();
  model.on("size", size);
  model.on("alt", label);
  model.on("key", join);
  model.on("remove", () => {
    gone = true;
    forget();
  });
}
