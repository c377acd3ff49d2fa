/**
 * The types of `lean-qr/nano` that the page uses. Those of the package are ambient, which Deno does not read.
 *
 * @module
 */

/** A QR code without the light margin around it. */
export interface Bitmap2D {
  /** The width and height in modules. */
  readonly size: number;
  /** Returns whether a module is dark; false outside of the code. */
  get(x: number, y: number): boolean;
}

/** Error correction levels, from the weakest to the strongest. */
export declare const correction: {
  readonly L: number;
  readonly M: number;
  readonly Q: number;
  readonly H: number;
};

/** Makes the smallest QR code (ISO 18004) of a text in UTF-8. */
export declare function generate(
  text: string,
  options?: { readonly minCorrectionLevel?: number },
): Bitmap2D;
