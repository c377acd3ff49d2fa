/**
 * A registry of members, found by id and by name. No two members share a name, names that look
 * alike, or a key.
 *
 * @module
 */

import type { Credential } from "./credential.ts";
import { nameLooks } from "./name.ts";

/** Why a newcomer conflicts with a member that is already registered. */
export type Conflict = "NAME_TAKEN" | "KEY_TAKEN";

/** The parts of a credential that must be unique in a room. */
type Marks = Pick<Credential, "name" | "keyIds">;

/** The members of a room in the order in which they were added. */
export class Registry<T extends { readonly credential: Credential }> {
  readonly #members = new Map<string, T>();
  readonly #names = new Map<string, T>();
  readonly #looks = new Map<string, T>();
  readonly #keys = new Map<string, T>();

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

  /**
   * Returns why a newcomer with this name and these keys conflicts with a member; undefined if it
   * does not.
   */
  conflict({ name, keyIds }: Marks): Conflict | undefined {
    if (nameLooks(name).some((look) => this.#looks.has(look))) return "NAME_TAKEN";
    return keyIds.some((id) => this.#keys.has(id)) ? "KEY_TAKEN" : undefined;
  }

  /** Returns the members whose names equal this name or look like it. */
  nameHolders(name: string): Set<T> {
    return present(nameLooks(name).map((look) => this.#looks.get(look)));
  }

  /**
   * Returns the members whose names equal this name or look like it, or who hold one of these keys.
   */
  holders({ name, keyIds }: Marks): Set<T> {
    return this.nameHolders(name).union(present(keyIds.map((id) => this.#keys.get(id))));
  }

  /** Adds a member. The caller has checked that {@linkcode conflict} returns undefined. */
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
