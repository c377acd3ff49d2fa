/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Texts as QR codes, for the camera of another device.
 *
 * @module
 */

// @ts-types="../../types/lean_qr.d.ts"
import { correction, generate } from "lean-qr/nano";

/** The light margin around a code, in modules. */
const MARGIN = 2;

/** What a code needs. */
export interface CodeProps {
  readonly text: string;
  /** What a screen reader says. */
  readonly label: string;
}

/** A QR code. */
export function Code({ text, label }: CodeProps) {
  const code = generate(text, { minCorrectionLevel: correction.M });
  const size = code.size + 2 * MARGIN;
  const places = Array.from({ length: code.size }, (_, i) => i);
  const path = places.flatMap((y) => places.filter((x) => code.get(x, y)).map((x) => [x, y]))
    .map(([x, y]) => `M${x! + MARGIN} ${y! + MARGIN}h1v1h-1z`).join("");
  return (
    <svg class="code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
