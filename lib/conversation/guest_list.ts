/**
 * Who may come into a server's room: a list in a file, which can be read again.
 *
 * @module
 */

import type { Failure } from "../failure.ts";
import { type AllowFile, openAllowFile } from "../trust/allow_file.ts";

/** A list of fingerprints. */
export class GuestList {
  readonly #file: AllowFile;
  #list: ReadonlySet<string>;
  /** The member in the relay's own process: it needs no line. */
  #host: string | undefined;

  private constructor(
    file: AllowFile,
    list: ReadonlySet<string>,
    /** Fulfilled when it is noticed that another file was put in the place of the list, which cannot be read. */
    readonly replaced: Promise<Failure>,
  ) {
    this.#file = file;
    this.#list = list;
  }

  /**
   * Reads the list.
   *
   * @throws {Failure} Where it cannot be read.
   */
  static async open(path: string): Promise<GuestList> {
    const replaced = Promise.withResolvers<Failure>();
    const file = await openAllowFile(path, replaced.resolve);
    return new GuestList(file, await file.read(), replaced.promise);
  }

  /** Whether its file is opened anew each time, for which the permission to read it has to stay. */
  get reopened(): boolean {
    return this.#file.reopened;
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
   * @returns Whether it is another one.
   * @throws {Failure} Where it cannot be read: the list of before holds.
   */
  async reload(): Promise<boolean> {
    const before = this.#list;
    this.#list = await this.#file.read();
    return before.symmetricDifference(this.#list).size > 0;
  }
}
