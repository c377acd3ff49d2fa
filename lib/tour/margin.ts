/**
 * Text within the columns of a terminal, with something at the left of each line.
 *
 * Characters count as one column each: what the tour says and shows has no wide ones.
 *
 * @module
 */

import { unstyled } from "../chat/style.ts";

/** Less is not worth wrapping for: the terminal then breaks the lines. */
const LEAST_COLUMNS = 12;

/**
 * Breaks a line at its spaces, and within a word that is longer than a line. A colour goes on in the next line.
 *
 * @param line Without line feeds, with the colours of `style.ts` perhaps.
 * @param columns The room; undefined where it is not limited.
 * @returns At least one line.
 */
export function wrapLine(line: string, columns: number | undefined): string[] {
  if (columns === undefined || columns < LEAST_COLUMNS) return [line];
  if (unstyled(line).length <= columns) return [line];
  const lines: string[] = [];
  let [shown, length, colours] = ["", 0, ""];
  const breakLine = () => {
    lines.push(colours === "" ? shown.trimEnd() : `${shown.trimEnd()}\x1b[0m`);
    [shown, length] = [colours, 0];
  };
  for (const part of parts(line, columns)) {
    if (part.startsWith("\x1b")) {
      colours += part;
      shown += part;
    } else if (part.trim() !== "" || length > 0 || lines.length === 0) {
      if (length > 0 && length + part.trimEnd().length > columns) {
        breakLine();
        if (part.trim() === "") continue;
      }
      shown += part;
      length += part.length;
    }
  }
  return [...lines, shown.trimEnd()];
}

/** Colours, spaces, and words or pieces of words, in order. */
function parts(line: string, columns: number): string[] {
  // deno-lint-ignore no-control-regex -- colours begin with one
  const words = line.match(/\x1b\[\d+m| +|[^ \x1b]+/g) ?? [];
  return words.flatMap((word) => {
    if (word.length <= columns || word.startsWith("\x1b")) return [word];
    return word.match(new RegExp(`.{1,${columns}}`, "gu")) ?? [];
  });
}

/**
 * Sets lines in from the left.
 *
 * @param text Lines; the last one ends in a line feed, or is not complete.
 * @param first What stands before each line.
 * @param next What stands before the rest of a line that is wrapped; as many columns as `first`.
 * @param columns The columns of the terminal, where there is one.
 */
export function indented(
  text: string,
  first: string,
  next: string,
  columns: number | undefined,
): string {
  const room = columns === undefined ? undefined : columns - first.length;
  return text.split("\n").map((line, i, { length }) => {
    if (line === "" && i === length - 1) return "";
    return wrapLine(line, room).map((part, j) => (j === 0 ? first : next) + part).join("\n");
  }).join("\n");
}
