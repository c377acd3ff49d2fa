/**
 * Text from elsewhere, made fit for a terminal.
 *
 * A terminal obeys what it is sent: an escape sequence can move the cursor, rewrite earlier lines or
 * retitle the window, and a bidirectional override can make a line read as another. So whatever comes
 * from a network, a file or a command line is passed through here before it is shown.
 *
 * @module
 */

/**
 * What is never shown as it is: C0 and C1 controls and DEL (ECMA-48), the marks, embeddings, overrides
 * and isolates of the bidirectional algorithm (UAX #9), line and paragraph separators, the
 * byte-order mark, interlinear and tag characters, and lone surrogates.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- controls are what it looks for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** Whether there is anything to make visible: most text has nothing, and is not copied. */
const PLAIN = /^[\u0020-\u007e]*$/;

/**
 * Makes text fit for a terminal: controls become the pictures of Unicode's "Control Pictures" block
 * (`␛`, `␊`), everything else that could mislead becomes `\u{…}`.
 *
 * @param text Any text.
 * @returns Text without control characters, escape sequences or bidirectional overrides.
 *
 * @example
 * ```ts ignore
 * printable("a\x1b[2Jb"); // "a␛[2Jb"
 * ```
 */
export function printable(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, picture);
}

function picture(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\\u{${code.toString(16)}}`;
}

/**
 * A value as JSON that is fit for a terminal too: what could mislead is escaped, and nothing is lost.
 *
 * @param value What `JSON.stringify` takes.
 * @returns One line of JSON (RFC 8259).
 */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value);
  return PLAIN.test(json) ? json : json.replace(UNSAFE, escaped);
}

/** A character as JSON escapes it: `\uXXXX` for each of its UTF-16 code units. */
function escaped(char: string): string {
  return char.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/**
 * Bytes as text fit for a terminal: UTF-8 where they are UTF-8, and `\xNN` for each byte that is not.
 *
 * @param bytes Any bytes.
 * @returns Text as {@linkcode printable} makes it.
 */
export function printableBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += `\\x${bytes[at]!.toString(16).padStart(2, "0")}`;
      at += 1;
    } else {
      text += printable(new TextDecoder().decode(bytes.subarray(at, at + length)));
      at += length;
    }
  }
  return text;
}

/** The length of the well-formed UTF-8 run at a place (RFC 3629), or 0 where a byte is not UTF-8. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end]! < 0x80) end++;
  if (end > at) return end - at;
  const lead = bytes[at]!;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes.subarray(at, at + length));
    return length;
  } catch (error) {
    if (error instanceof TypeError) return 0; // not well-formed: the caller shows the byte
    throw error;
  }
}

/** A word of the command line in quotes: controls made visible, long ones cut. */
export function quote(word: string): string {
  return `"${printable(word.length > 60 ? `${word.slice(0, 60)}…` : word)}"`;
}

/** A text in single quotes, within which a POSIX shell takes every character literally. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A text as one word of a shell command: as it is where a shell takes it literally, else in single quotes. */
export function shellWord(text: string): string {
  return /^[\w./@%+,:=-]+$/.test(text) ? text : singleQuoted(text);
}

/**
 * A file's path as one word of a shell command. A path that starts with a dash gets `./` before it, so that no
 * program takes it for an option.
 */
export function shellPath(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
