"""The palette: structures to drag onto the canvas, and the search."""
