/**
 * Makes untrusted text and bytes safe to show on a terminal.
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

/**
 * Makes text printable and short. Of a longer text it shows the first characters, with an ellipsis for the last one.
 *
 * @param text Any text.
 * @param most The most characters (code points) that are shown.
 */
export function shortened(text: string, most: number): string {
  // A character has at most two UTF-16 code units.
  const characters = [...printable(text.slice(0, 2 * most + 1))];
  if (characters.length <= most) return characters.join("");
  return `${characters.slice(0, most - 1).join("")}…`;
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

/** Matches text of which JSON escapes no character. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

/** Serialises a text as {@linkcode printableJson} does. Most text needs no call of `JSON.stringify`. */
export function printableJsonText(text: string): string {
  return UNESCAPED.test(text) ? `"${text}"` : printableJson(text);
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

/** The most bytes of a datagram that are shown to people. */
const MAX_SHOWN_BYTES = 1_024;

/**
 * Formats a datagram's bytes for a terminal, in quotation marks: UTF-8 as text, and any other byte as `\xNN`. Of
 * more than 1,024 bytes it shows the first ones and the number of the others.
 */
export function shownData(data: Uint8Array): string {
  if (data.length <= MAX_SHOWN_BYTES) return `'${printableBytes(data)}'`;
  let end = MAX_SHOWN_BYTES;
  // Do not cut a character: its second and later bytes are 10xxxxxx.
  while (end > MAX_SHOWN_BYTES - 4 && (data[end]! & 0xc0) === 0x80) end--;
  return `'${printableBytes(data.subarray(0, end))}…' and ${data.length - end} bytes more`;
}

/** The fields of an event for a datagram's bytes: `text` if they are UTF-8, otherwise `base64`. */
export function dataFields(data: Uint8Array): Record<string, unknown> {
  const bytes = data.length;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { bytes, text: decoder.decode(data) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { bytes, base64: data.toBase64() };
  }
}

/** Returns how many bytes a row of {@linkcode hexRows} shows in so many columns: a row of 16 bytes takes 79. */
export function rowBytesFor(columns = 80): number {
  if (columns >= 79) return 16;
  return columns >= 47 ? 8 : 4;
}

/**
 * Formats bytes as rows of an offset, the bytes in hexadecimal, and their printable ASCII characters.
 *
 * @param mark The direction: `>` for sent bytes, `<` for received ones.
 * @param offset The offset of the first byte in the stream.
 * @param rowBytes The number of bytes in a row.
 * @returns Lines, each with its line feed.
 */
export function hexRows(bytes: Uint8Array, mark: string, offset: number, rowBytes = 16): string {
  let rows = "";
  for (let at = 0; at < bytes.length; at += rowBytes) {
    const row = bytes.subarray(at, at + rowBytes);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(
      row,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    const where = (offset + at).toString(16).padStart(8, "0");
    rows += `${mark} ${where}  ${hex.padEnd(rowBytes * 3 - 1)}  |${text}|\n`;
  }
  return rows;
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;

/** Turns a stream of bytes into text for a terminal. Control characters except line ends and tabs are made visible. */
export class TerminalText {
  #held: Uint8Array = new Uint8Array(0);

  /** Returns the text that can be shown now. It holds back the start of a character, and a CR that may end a line. */
  add(bytes: Uint8Array): string {
    const all = new Uint8Array(this.#held.length + bytes.length);
    all.set(this.#held);
    all.set(bytes, this.#held.length);
    const end = all.length - heldBack(all);
    this.#held = all.slice(end);
    return printableLines(all.subarray(0, end));
  }

  /** Returns the text that was held back. */
  end(): string {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return printableLines(held);
  }
}

/** Makes bytes visible on a terminal. Line feeds, tabs, and a CR before a line feed keep their meaning. */
export function printableLines(bytes: Uint8Array): string {
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== NEWLINE && byte !== TAB) continue;
    const end = byte === NEWLINE && at > from && bytes[at - 1] === RETURN ? at - 1 : at;
    text += printableBytes(bytes.subarray(from, end)) + String.fromCharCode(byte);
    from = at + 1;
  }
  return text + printableBytes(bytes.subarray(from));
}

/** Returns the number of bytes at the end that are an incomplete character (RFC 3629) or a CR. */
function heldBack(bytes: Uint8Array): number {
  if (bytes.at(-1) === RETURN) return 1;
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

/** Replaces the fragment of a link by an ellipsis: that of an invitation to a chat is a secret. */
export function withoutFragment(text: string): string {
  return text.replace(/#[\w%=-]{16,}.*$/s, "#…");
}

/**
 * Quotes a word of the command line, without the fragment of a link. Controls become visible; a long word is cut.
 */
export function quote(word: string): string {
  return `"${shortened(withoutFragment(word), 60)}"`;
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
