/**
 * Who is there: found by hash and by name, and no two with one name, names that look alike, or one key.
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import { nameLooks } from "./name.ts";

/** Why somebody cannot be in the same room as those who are. */
export type Conflict = "NAME_TAKEN" | "KEY_TAKEN";

/** What tells two members apart. */
type Marks = Pick<Credential, "name" | "keyIds">;

/** Members of any kind, in the order in which they were added. */
export class Registry<T extends { readonly credential: Credential }> {
  readonly #members = new Map<string, T>();
  readonly #names = new Map<string, T>();
  readonly #looks = new Map<string, T>();
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

  /** Whether somebody who is there has this name, one that looks like it, or one of these keys. */
  conflict({ name, keyIds }: Marks): Conflict | undefined {
    if (nameLooks(name).some((look) => this.#looks.has(look))) return "NAME_TAKEN";
    return keyIds.some((id) => this.#keys.has(id)) ? "KEY_TAKEN" : undefined;
  }

  /** Those who are there and have this name, or one that looks like it. */
  nameHolders(name: string): Set<T> {
    return present(nameLooks(name).map((look) => this.#looks.get(look)));
  }

  /** Those who are there and have this name, one that looks like it, or one of these keys. */
  holders({ name, keyIds }: Marks): Set<T> {
    return this.nameHolders(name).union(present(keyIds.map((id) => this.#keys.get(id))));
  }

  /** Adds a member that is in no conflict. */
  add(member: T): void {
    const { key, name, folded, keyIds } = member.credential;
    this.#members.set(key, member);
    this.#names.set(folded, member);
    for (const look of nameLooks(name)) this.#looks.set(look, member);
    for (const id of keyIds) this.#keys.set(id, member);
  }

  /** Removes a member. */
  remove({ credential: { key, name, folded, keyIds } }: T): void {
    this.#members.delete(key);
    this.#names.delete(folded);
    for (const look of nameLooks(name)) this.#looks.delete(look);
    for (const id of keyIds) this.#keys.delete(id);
  }
}

function present<T>(members: readonly (T | undefined)[]): Set<T> {
  return new Set(members.filter((member) => member !== undefined));
}
