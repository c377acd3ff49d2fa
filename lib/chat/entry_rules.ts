/**
 * Who may come into a relay's room, whoever is there already: whose identity is on its list, and who dialled it by
 * its name.
 *
 * @module
 */

import { canonicalHost, type Dialled, readPublicName } from "./dialled.ts";

/** What whoever runs a relay lays down. */
export interface EntryRulesOptions {
  /** Whether an identity, by its fingerprint, may come in; without, everyone may. */
  readonly allows?: (fingerprint: string) => boolean;
  /**
   * The names by which members dial it, `HOST` or `HOST:PORT`. Who dialled another was led here by somebody in
   * between. Without, any will do.
   */
  readonly publicNames?: readonly string[];
}

/** The rules of one relay. */
export class EntryRules {
  readonly #options: EntryRulesOptions;

  /** Rules that are looked up each time: a list may change. */
  constructor(options: EntryRulesOptions) {
    this.#options = options;
  }

  /** Whether it is not open to everyone: then it says nothing of its room to who is not allowed in. */
  get isRestricted(): boolean {
    return this.#options.allows !== undefined;
  }

  /** Whether an identity may come in. */
  allows(fingerprint: string): boolean {
    return this.#options.allows?.(fingerprint) ?? true;
  }

  /** Whether the name that a newcomer dialled is one by which the relay is known, whatever form either has. */
  allowsName(dialled: Dialled): boolean {
    const { publicNames = [] } = this.#options;
    const host = canonicalHost(dialled.host);
    return publicNames.length === 0 ||
      publicNames.map(readPublicName).some((name) =>
        name.host === host && (name.port === undefined || name.port === dialled.port)
      );
  }
}
