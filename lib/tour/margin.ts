/**
 * Text within the columns of a terminal, with something at the left of each line.
 *
 * Characters count as one column each: what the tour says and shows has no wide ones.
 *
 * @module
 */

import { unstyled } from "../terminal/terminal.ts";

/** Less is not worth wrapping for: the terminal then breaks the lines. */
const LEAST_COLUMNS = 12;

/** What stands at the left of a line. */
export interface Margin {
  readonly first: string;
  /** The same before what a line that is too long goes on with. */
  readonly next: string;
  /** Whether a word that is longer than a line is broken; the terminal breaks it, without. */
  readonly breakWords: boolean;
}

/**
 * Sets lines behind a margin, and breaks those at their spaces that are too long. A colour goes on in the next line.
 *
 * @param text Lines with the colours of `style.ts` perhaps; the last one ends in a line feed, or is not complete.
 * @param margin What stands before them.
 * @param columns The columns of the terminal, where there is one.
 */
export function behind(margin: Margin, text: string, columns: number | undefined): string {
  return text.split("\n").map((line, i, { length }) => {
    if (line === "" && i === length - 1) return "";
    return columns === undefined ? margin.first + line : lineBehind(margin, line, columns);
  }).join("\n");
}

function lineBehind({ first, next, breakWords }: Margin, line: string, columns: number): string {
  const text = line.trimStart();
  // What goes on is set in as far as its line is.
  const spaces = line.slice(0, line.length - text.length);
  const room = columns - Math.max(first.length, next.length) - spaces.length;
  if (room < LEAST_COLUMNS || unstyled(first + line).length <= columns) return first + line;
  return wrapped(text, room, breakWords)
    .map((part, i) => (i === 0 ? first : next) + spaces + part).join("\n");
}

/** A line in parts that fit. */
function wrapped(line: string, room: number, breakWords: boolean): string[] {
  const parts: string[] = [];
  let colours = "";
  let part = "";
  let length = 0;
  for (const piece of pieces(line, breakWords ? room : Infinity)) {
    if (piece.startsWith("\x1b")) {
      colours += piece;
      part += piece;
    } else if (length === 0 || length + piece.length <= room) {
      part += piece;
      length += piece.length;
    } else {
      parts.push(part.trimEnd() + (colours === "" ? "" : "\x1b[0m"));
      part = colours + piece.trimStart();
      length = piece.trimStart().length;
    }
  }
  return [...parts, part.trimEnd()];
}

/** Colours, and words with the spaces before them, in pieces that are not too long. */
function pieces(line: string, room: number): string[] {
  // deno-lint-ignore no-control-regex -- colours begin with one
  const words = line.match(/\x1b\[\d+m| *[^ \x1b]+| +/g) ?? [];
  return words.flatMap((word) => {
    if (word.length <= room || word.startsWith("\x1b")) return [word];
    const text = word.trimStart();
    const cut = text.match(new RegExp(`.{1,${room}}`, "gu")) ?? [];
    return [" ".repeat(word.length - text.length) + (cut[0] ?? ""), ...cut.slice(1)];
  });
}

/**
 * A command line over several lines, as a shell takes it: each but the last ends in a backslash.
 *
 * @param line The command line.
 * @param room The columns that there are for it; undefined where there is no limit.
 */
export function shellLines(line: string, room: number | undefined): string[] {
  if (room === undefined || line.length <= room) return [line];
  const lines: string[] = [];
  for (const word of line.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length > room - 2) lines.push(`  ${word}`);
    else lines[Math.max(0, lines.length - 1)] = longer;
  }
  return lines.map((each, i) => i === lines.length - 1 ? each : `${each} \\`);
}
