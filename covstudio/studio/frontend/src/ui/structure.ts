// A structure of the palette on its way to the canvas.

/** The type of what is dragged, { kind }; the canvas takes nothing else. */
export const STRUCTURE = "application/x-covstudio-structure";
