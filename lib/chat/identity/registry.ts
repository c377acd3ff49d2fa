/**
 * A registry of members, found by id and by name. No two members share a name or have names that look alike.
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import { nameLooks } from "./name.ts";

/** The parts of a credential that a registry uses. */
export type Marks = Pick<Credential, "key" | "name" | "folded"> & {
  /** What {@linkcode nameLooks} returns for the name, if it is already computed. */
  readonly looks?: readonly string[];
};

/** The members of a room in the order in which they were added. */
export class Registry<T extends { readonly credential: Marks }> {
  readonly #members = new Map<string, T>();
  readonly #names = new Map<string, T>();
  readonly #looks = new Map<string, T>();

  /** The number of members. */
  get size(): number {
    return this.#members.size;
  }

  /** Returns the members in the order in which they were added. */
  values(): MapIterator<T> {
    return this.#members.values();
  }

  /** Returns the member with an id, which is given as {@linkcode Credential.key}. */
  get(key: string): T | undefined {
    return this.#members.get(key);
  }

  /** Returns the member with a case-folded name. */
  byName(folded: string): T | undefined {
    return this.#names.get(folded);
  }

  /** Returns the members whose names equal this name or look like it. */
  nameHolders(name: string, looks: readonly string[] = nameLooks(name)): Set<T> {
    return new Set(looks.flatMap((look) => this.#looks.get(look) ?? []));
  }

  /** Adds a member. The caller has checked that nobody has its name. */
  add(member: T): void {
    const { key, name, folded, looks } = member.credential;
    this.#members.set(key, member);
    this.#names.set(folded, member);
    for (const look of looks ?? nameLooks(name)) this.#looks.set(look, member);
  }

  /** Removes a member. */
  remove({ credential: { key, name, folded, looks } }: T): void {
    this.#members.delete(key);
    this.#names.delete(folded);
    for (const look of looks ?? nameLooks(name)) this.#looks.delete(look);
  }
}
