/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/**
 * Names in the colour of their identity, as at a terminal.
 *
 * @module
 */

import { colourOf } from "../../lib/chat/app/speech.ts";
import { printable } from "../../lib/base/printable.ts";

/** The intensities of the colour cube of xterm's palette. */
const LEVELS = [0, 95, 135, 175, 215, 255] as const;

/** By how much a colour is mixed with black on a light ground and with white on a dark one, from 0 to 1. */
const MIX = { light: 0.22, dark: 0.42 } as const;

/** Properties of a style sheet that give an element the colours of an identity: `--on-light`, `--on-dark`. */
export function coloursOf(fingerprint: string): Record<string, string> {
  const cell = colourOf(fingerprint) - 16;
  const rgb = [Math.floor(cell / 36), Math.floor(cell / 6) % 6, cell % 6].map((i) => LEVELS[i]!);
  const mixed = (with_: number, share: number) =>
    `rgb(${rgb.map((one) => Math.round(one + (with_ - one) * share)).join(" ")})`;
  return { "--on-light": mixed(0, MIX.light), "--on-dark": mixed(255, MIX.dark) };
}

/** A name in the colour of its identity. */
export function Name(
  { name, fingerprint }: { readonly name: string; readonly fingerprint: string },
) {
  return <b class="name" style={coloursOf(fingerprint)}>{printable(name)}</b>;
}

/** A disc with the first letter of a name. */
export function Disc(
  { name, fingerprint }: { readonly name: string; readonly fingerprint: string },
) {
  const letter = [...printable(name)][0] ?? "";
  return <span class="disc" style={coloursOf(fingerprint)} aria-hidden="true">{letter}</span>;
}
