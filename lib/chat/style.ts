/**
 * Colours, on a terminal that obeys escape codes only, and never where `NO_COLOR` is set (no-color.org).
 *
 * @module
 */

import { DUMB_TERMINAL } from "../surroundings.ts";

/** Wraps a text into a colour or a weight: SGR sequences (ECMA-48), each undone by its own end. */
export type Paint = (text: string) => string;

/** The colours and weights that there are. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly magenta: Paint;
  readonly cyan: Paint;
}

/**
 * A set of colours.
 *
 * @param on Whether they colour: where not, text stays as it is.
 */
export function makeStyle(on: boolean): Style {
  const paint = (start: number, end: number): Paint => (text) =>
    on && text !== "" ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
    magenta: paint(35, 39),
    cyan: paint(36, 39),
  };
}

/** Whether standard output is a terminal that may be coloured. */
export const COLOURED: boolean = Deno.stdout.isTerminal() && !Deno.noColor &&
  !DUMB_TERMINAL;

/** The colours of standard output. */
export const style: Style = makeStyle(COLOURED);
