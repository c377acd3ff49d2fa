/**
 * Who may come into a server's room: a list in a file, which can be read again.
 *
 * @module
 */

import { readAllowFile } from "../trust/allow_file.ts";

/** A list of fingerprints. */
export class GuestList {
  readonly #path: string;
  #list: ReadonlySet<string>;
  /** The member in the relay's own process: it needs no line. */
  #host: string | undefined;

  private constructor(path: string, list: ReadonlySet<string>) {
    this.#path = path;
    this.#list = list;
  }

  /**
   * Reads the list.
   *
   * @throws {Failure} Where it cannot be read.
   */
  static async open(path: string): Promise<GuestList> {
    return new GuestList(path, await readAllowFile(path));
  }

  /** How many identities are listed. */
  get size(): number {
    return this.#list.size;
  }

  /** Whether an identity may come in. */
  readonly allows = (fingerprint: string): boolean =>
    fingerprint === this.#host || this.#list.has(fingerprint);

  /** Lets the member of the relay's own process in, listed or not. */
  admitHost(fingerprint: string): void {
    this.#host = fingerprint;
  }

  /**
   * Reads the list again.
   *
   * @throws {Failure} Where it cannot be read: the list of before holds.
   */
  async reload(): Promise<void> {
    this.#list = await readAllowFile(this.#path);
  }
}
