/**
 * Shows bytes from a network: unchanged, in hexadecimal, as JSON, or fit for a terminal.
 *
 * @module
 */

import { concat, writeBytes } from "../base/bytes.ts";
import { printableBytes } from "../base/printable.ts";
import { type OutputStream, writeAll } from "../os/io.ts";
import { say } from "./output.ts";

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

/** Prints the bytes of one connection, or one datagram after the other. */
export interface Display {
  /** Prints sent bytes. Undefined if they are not shown. */
  readonly sent: ((bytes: Uint8Array) => void) | undefined;
  /** Prints received bytes. */
  received(bytes: Uint8Array): Promise<void> | void;
  /** Prints the bytes that it held back, which may be the start of a character. */
  end(): void;
}

/** The form in which bytes are printed. */
export interface DisplayOptions {
  readonly json: boolean;
  readonly hex: boolean;
  /** Whether a terminal gets the bytes unchanged. */
  readonly raw: boolean;
}

/** Returns a display for one connection. */
export function makeDisplay(output: OutputStream, { json, hex, raw }: DisplayOptions): Display {
  if (json) return jsonDisplay(output);
  if (hex) return hexDisplay(output);
  return output.isTerminal && !raw ? terminalDisplay(output) : plainDisplay(output);
}

function plainDisplay(output: OutputStream): Display {
  return { sent: undefined, received: (bytes) => writeBytes(output, bytes), end: () => {} };
}

function jsonDisplay(output: OutputStream): Display {
  const event = (name: string) => (bytes: Uint8Array) =>
    say({ output }, { event: name, fields: dataFields(bytes), lines: [] }, true);
  return { sent: event("sent"), received: event("received"), end: () => {} };
}

function hexDisplay(output: OutputStream): Display {
  const rowBytes = rowBytesFor(output.columns);
  const dump = (mark: string) => {
    let offset = 0;
    return (bytes: Uint8Array) => {
      writeAll(output, hexRows(bytes, mark, offset, rowBytes));
      offset += bytes.length;
    };
  };
  return { sent: dump(">"), received: dump("<"), end: () => {} };
}

/** A row of 16 bytes takes 79 columns. */
function rowBytesFor(columns = 80): number {
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

function terminalDisplay(output: OutputStream): Display {
  const text = new TerminalText();
  return {
    sent: undefined,
    received: (bytes) => writeAll(output, text.add(bytes)),
    end: () => writeAll(output, text.end()),
  };
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;

/** Turns a stream of bytes into text for a terminal. Control characters except line ends and tabs are made visible. */
export class TerminalText {
  #held: Uint8Array = new Uint8Array(0);

  /** Returns the text that can be shown now. It holds back the start of a character, and a CR that may end a line. */
  add(bytes: Uint8Array): string {
    const all = concat([this.#held, bytes]);
    const end = all.length - heldBack(all);
    this.#held = all.slice(end);
    return shown(all.subarray(0, end));
  }

  /** Returns the text that was held back. */
  end(): string {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return shown(held);
  }
}

/** Makes bytes visible on a terminal. Line feeds, tabs, and a CR before a line feed keep their meaning. */
function shown(bytes: Uint8Array): string {
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

/**
 * Prints one datagram. A terminal gets it on lines of its own.
 *
 * @param output Standard output.
 * @param bytes The payload.
 * @param options The form of the bytes.
 * @param mark The direction, for hexadecimal: `>` for sent bytes, `<` for received ones.
 */
export async function printDatagram(
  output: OutputStream,
  bytes: Uint8Array,
  { hex, raw }: Pick<DisplayOptions, "hex" | "raw">,
  mark = "<",
): Promise<void> {
  if (hex) writeAll(output, hexRows(bytes, mark, 0, rowBytesFor(output.columns)));
  else if (raw || !output.isTerminal) await writeBytes(output, bytes);
  else writeAll(output, shown(bytes).replace(/\n?$/, "\n"));
}
