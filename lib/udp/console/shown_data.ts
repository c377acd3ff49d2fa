/**
 * The bytes of a datagram, for people and for programs.
 *
 * @module
 */

// @ts-types="../../../types/std_encoding_base64.d.ts"
import { encodeBase64 } from "@std/encoding/base64";
import { printableBytes } from "../../printable.ts";

/** So much of a datagram is shown to people. */
const MAX_SHOWN_BYTES = 1_024;

/**
 * A datagram's bytes in quotation marks, fit for a terminal: UTF-8 as text, and `\xNN` for each byte that is
 * none. Of more than 1,024 bytes the first are shown, and how many more there are.
 */
export function shownData(data: Uint8Array): string {
  if (data.length <= MAX_SHOWN_BYTES) return `'${printableBytes(data)}'`;
  let end = MAX_SHOWN_BYTES;
  // Not within a character: those of more than one byte go on with 10xxxxxx.
  while (end > MAX_SHOWN_BYTES - 4 && (data[end]! & 0xc0) === 0x80) end--;
  return `'${printableBytes(data.subarray(0, end))}…' and ${data.length - end} bytes more`;
}

/** The fields of an event for a datagram's bytes: `text` where they are UTF-8, `base64` where they are not. */
export function dataFields(data: Uint8Array): Record<string, unknown> {
  const bytes = data.length;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { bytes, text: decoder.decode(data) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { bytes, base64: encodeBase64(data) };
  }
}
