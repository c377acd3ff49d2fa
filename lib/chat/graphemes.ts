/**
 * Where one may stand in a text: the boundaries of grapheme clusters and of words (UAX #29).
 *
 * Offsets are in UTF-16 code units, as those of a JavaScript string. An offset inside a cluster is
 * allowed everywhere: what is typed may join with what follows it.
 *
 * @module
 */

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
const words = new Intl.Segmenter("und", { granularity: "word" });

/**
 * From here to there in a text.
 *
 * @param text The text.
 * @param at Where one stands.
 * @returns Where one stands afterwards.
 */
export type Move = (text: string, at: number) => number;

/** To the start of the text. */
export const toStart: Move = () => 0;

/** To the end of the text. */
export const toEnd: Move = (text) => text.length;

/** One grapheme cluster to the left. */
export const toPrevious: Move = (text, at) =>
  at <= 0 ? 0 : graphemes.segment(text).containing(at - 1)!.index;

/** One grapheme cluster to the right. */
export const toNext: Move = (text, at) => {
  const found = graphemes.segment(text).containing(at);
  return found === undefined ? text.length : found.index + found.segment.length;
};

/** To the start of the word at the left; Chinese, Japanese and Thai words by dictionary. */
export const toPreviousWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to > 0;) {
    const found = segments.containing(to - 1)!;
    if (found.isWordLike === true) return found.index;
    to = found.index;
  }
  return 0;
};

/** To the end of the word at the right. */
export const toNextWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to < text.length;) {
    const found = segments.containing(to)!;
    to = found.index + found.segment.length;
    if (found.isWordLike === true) return to;
  }
  return text.length;
};

/** To the start of what white space encloses at the left, as Ctrl-W does in shells. */
export const toPreviousBlank: Move = (text, at) => {
  let to = text.slice(0, at).trimEnd().length;
  while (to > 0 && !/\s/.test(text.charAt(to - 1))) to--;
  return to;
};

/**
 * Printable ASCII that is followed by printable ASCII is a cluster by itself; only what lies between
 * such stretches needs the segmenter. Most lines are one stretch.
 */
const ASCII_STRETCH = /[\x20-\x7e]+(?=[\x20-\x7e]|$)/y;

/**
 * The grapheme clusters of a text, in order.
 *
 * @param text Any text.
 * @returns The clusters; joined, they are the text.
 */
export function splitGraphemes(text: string): string[] {
  const clusters: string[] = [];
  let at = 0;
  while (at < text.length) {
    ASCII_STRETCH.lastIndex = at;
    const stretch = ASCII_STRETCH.exec(text)?.[0] ?? "";
    for (const char of stretch) clusters.push(char);
    at += stretch.length;
    const end = nextStretch(text, at);
    for (const { segment } of graphemes.segment(text.slice(at, end))) clusters.push(segment);
    at = end;
  }
  return clusters;
}

/** Where two printable ASCII characters next follow each other: between them is a boundary. */
function nextStretch(text: string, from: number): number {
  const found = text.slice(from).search(/[\x20-\x7e](?=[\x20-\x7e])/);
  return found < 0 ? text.length : from + found + 1;
}
