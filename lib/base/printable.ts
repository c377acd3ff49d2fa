/**
 * Makes untrusted text safe to show on a terminal.
 *
 * A terminal acts on what it receives: an escape sequence can move the cursor, rewrite earlier lines or change the
 * window title, and a bidirectional override can make one line read as another. All text that comes from a network, a
 * file or a command line passes through this module before it is shown.
 *
 * @module
 */

let pattern: RegExp | undefined;

/**
 * Matches characters that are never shown unchanged: C0 and C1 controls and DEL (ECMA-48), the marks, embeddings,
 * overrides and isolates of the bidirectional algorithm (UAX #9), line and paragraph separators, the byte-order mark,
 * interlinear and tag characters, and lone surrogates. The pattern takes 0.4 ms to make, and most starts need none.
 */
function unsafe(): RegExp {
  pattern ??=
    // deno-lint-ignore no-control-regex -- the pattern matches controls
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;
  return pattern;
}

/** Matches text with nothing to escape. Most text matches, and is returned without a copy. */
const PLAIN = /^[\u0020-\u007e]*$/;

/**
 * Makes text safe for a terminal. Controls become the pictures of Unicode's "Control Pictures" block
 * (`␛`, `␊`); every other unsafe character becomes `\u{…}`.
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
  return PLAIN.test(text) ? text : text.replace(unsafe(), picture);
}

function picture(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  return `\\u{${code.toString(16)}}`;
}

/**
 * Serialises a value as JSON that is safe for a terminal. Unsafe characters are escaped, so the JSON parses to the
 * same value.
 *
 * @param value A value that `JSON.stringify` accepts.
 * @returns One line of JSON (RFC 8259).
 */
export function printableJson(value: unknown): string {
  const json = JSON.stringify(value);
  return PLAIN.test(json) ? json : json.replace(unsafe(), escaped);
}

/** Escapes a character for JSON: `\uXXXX` for each of its UTF-16 code units. */
function escaped(char: string): string {
  return char.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}

/**
 * Converts bytes to text that is safe for a terminal. Valid UTF-8 is decoded; each other byte becomes `\xNN`.
 *
 * @param bytes Any bytes.
 * @returns Text escaped as {@linkcode printable} does.
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

/** Returns the length of the well-formed UTF-8 run at an offset (RFC 3629), or 0 if the byte there is not UTF-8. */
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

/** Replaces the fragment of a link by an ellipsis: that of an invitation to a chat is a secret. */
export function withoutFragment(text: string): string {
  return text.replace(/#[\w%=-]{16,}.*$/s, "#…");
}

/**
 * Quotes a word of the command line, without the fragment of a link. Controls become visible; a long word is cut.
 */
export function quote(word: string): string {
  const told = withoutFragment(word);
  return `"${printable(told.length > 60 ? `${told.slice(0, 60)}…` : told)}"`;
}

/** Puts text in single quotes. A POSIX shell takes every character between them literally. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Writes text as one word of a shell command: unchanged if a shell takes it literally, in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[\w./@%+,:=-]+$/.test(text) ? text : singleQuoted(text);
}

/**
 * Writes a file's path as one word of a shell command. A path that starts with a dash gets `./` before it, so that
 * no program reads it as an option.
 */
export function shellPath(path: string): string {
  return shellWord(path.startsWith("-") ? `./${path}` : path);
}
