/**
 * What members sealed, under which key: to be asked at the end who could have read it.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../lib/base/bytes.ts";
import type { Checker, Sealing } from "./checker.ts";

/** The lines that were sealed in a run. */
export class SealedLines {
  readonly #lines: { readonly text: string; readonly key: string; readonly leftOut: Sealing }[] =
    [];

  readonly #byTag = new Map<string, string[]>();

  /** Returns the lines that were sealed with a tag. */
  linesOf(tag: Bytes): readonly string[] {
    return this.#byTag.get(mapKey(tag)) ?? [];
  }

  /**
   * Something is sealed.
   *
   * @param tag The tag of the ciphertext.
   * @param leftOut Whom its sender leaves out at this moment.
   */
  add(key: string, plaintext: Bytes, tag: Bytes, leftOut: Sealing): void {
    const text = new TextDecoder().decode(plaintext);
    const lines = [...text.matchAll(/<m\d+\.\d+\.\d+>/g)].map(([line]) => line);
    if (lines.length > 0) this.#byTag.set(mapKey(tag), lines);
    for (const line of lines) {
      this.#lines.push({ text: line, key, leftOut });
    }
  }

  /** Has it checked that nobody could read what was not for them. */
  check(checker: Checker, knowers: (key: string) => ReadonlySet<string>): void {
    for (const { text, key, leftOut } of this.#lines) checker.readable(text, knowers(key), leftOut);
  }
}
