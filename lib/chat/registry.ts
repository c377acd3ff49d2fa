/**
 * Who is there: found by hash and by name, and no two with one name or one key.
 *
 * @module
 */

import type { Credential } from "./credential.ts";

/** Why somebody cannot be in the same room as those who are. */
export type Conflict = "NAME_TAKEN" | "KEY_TAKEN";

/** Members of any kind, in the order in which they were added. */
export class Registry<T extends { readonly credential: Credential }> {
  readonly #members = new Map<string, T>();
  readonly #names = new Map<string, T>();
  readonly #keys = new Map<string, T>();

  /** How many there are. */
  get size(): number {
    return this.#members.size;
  }

  /** Everyone, in the order of being added. */
  values(): MapIterator<T> {
    return this.#members.values();
  }

  /** The member of a hash, as the key of a map. */
  get(key: string): T | undefined {
    return this.#members.get(key);
  }

  /** The member of a name, folded. */
  byName(folded: string): T | undefined {
    return this.#names.get(folded);
  }

  /** Whether somebody who is there has this name or one of these keys. */
  conflict({ folded, keyIds }: Pick<Credential, "folded" | "keyIds">): Conflict | undefined {
    if (this.#names.has(folded)) return "NAME_TAKEN";
    return keyIds.some((id) => this.#keys.has(id)) ? "KEY_TAKEN" : undefined;
  }

  /** Those who are there and have this name or one of these keys. */
  holders({ folded, keyIds }: Pick<Credential, "folded" | "keyIds">): Set<T> {
    const holders = [this.#names.get(folded), ...keyIds.map((id) => this.#keys.get(id))];
    return new Set(holders.filter((holder) => holder !== undefined));
  }

  /** Adds a member that is in no conflict. */
  add(member: T): void {
    const { key, folded, keyIds } = member.credential;
    this.#members.set(key, member);
    this.#names.set(folded, member);
    for (const id of keyIds) this.#keys.set(id, member);
  }

  /** Removes a member. */
  remove({ credential: { key, folded, keyIds } }: T): void {
    this.#members.delete(key);
    this.#names.delete(folded);
    for (const id of keyIds) this.#keys.delete(id);
  }
}
