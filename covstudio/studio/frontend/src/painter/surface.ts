// What a picture is painted on. A canvas shows its pixels at once; but the browser keeps a layer of its own for every canvas, and one
// for what lies between two of them, and puts all of these together anew in every frame of a moving view. Where pictures are many they
// are images: these are painted as part of what they stand on, and are encoded first.

import type { Arrangement } from "./raster";

export type Picture = HTMLCanvasElement | HTMLImageElement;

/** In pixels of the screen. */
export interface Size {
  width: number;
  height: number;
}

/** A picture: where it lies, its pixels, and what is written over them. */
export interface Painting {
  place: Arrangement;
  fill(pixels: Uint32Array): void;
  write(context: CanvasRenderingContext2D): void;
}

export interface Surface {
  /** False where the browser gives nothing to paint on. */
  paint(size: Size, painting: Painting): boolean;
  clear(): void;
}

export const surfaceOf = (element: Picture): Surface =>
  element instanceof HTMLImageElement ? new OnImage(element) : new OnCanvas(element);

class OnCanvas implements Surface {
  private context: CanvasRenderingContext2D | null = null;
  private image: ImageData | null = null;

  constructor(readonly canvas: HTMLCanvasElement) {}

  paint({ width, height }: Size, { place, fill, write }: Painting): boolean {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
      this.image = null;
    }
    this.context ??= canvas.getContext("2d", { willReadFrequently: true }); // its pixels are written by the processor
    if (!this.context) return false;
    if (this.image?.width !== place.width || this.image.height !== place.height) {
      this.clear();
      this.image = new ImageData(place.width, place.height);
    }
    fill(new Uint32Array(this.image.data.buffer));
    this.context.putImageData(this.image, place.x, place.y);
    write(this.context);
    return true;
  }

  clear(): void {
    this.context?.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}

/** A transparent pixel: an image without an address shows its name. */
export const NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

let easel: OnCanvas | null = null;

class OnImage implements Surface {
  constructor(private readonly image: HTMLImageElement) {
    image.decoding = "sync"; // what is shown stays until the next picture can be shown in its place
  }

  paint(size: Size, painting: Painting): boolean {
    easel ??= new OnCanvas(document.createElement("canvas"));
    easel.clear();
    if (!easel.paint(size, painting)) return false;
    this.image.src = easel.canvas.toDataURL();
    return true;
  }

  clear(): void {
    this.image.src = NOTHING;
  }
}
