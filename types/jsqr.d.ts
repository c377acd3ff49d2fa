// The typed face of jsqr, as far as it is used: the package's own types do not say that its module is a function.
export default function jsQR(
  pixels: Uint8ClampedArray,
  width: number,
  height: number,
): { readonly data: string } | null;
