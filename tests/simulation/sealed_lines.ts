/**
 * What members sealed, under which key: to be asked at the end who could have read it.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { Checker, Sealing } from "./checker.ts";

/** The lines that were sealed in a run. */
export class SealedLines {
  readonly #lines: { readonly text: string; readonly key: string; readonly leftOut: Sealing }[] =
    [];

  /**
   * Something is sealed.
   *
   * @param leftOut Whom its sender leaves out at this moment.
   */
  add(key: string, plaintext: Bytes, leftOut: Sealing): void {
    const text = new TextDecoder().decode(plaintext);
    for (const [line] of text.matchAll(/<m\d+\.\d+\.\d+>/g)) {
      this.#lines.push({ text: line, key, leftOut });
    }
  }

  /** Has it checked that nobody could read what was not for them. */
  check(checker: Checker, knowers: (key: string) => ReadonlySet<string>): void {
    for (const { text, key, leftOut } of this.#lines) checker.readable(text, knowers(key), leftOut);
  }
}
