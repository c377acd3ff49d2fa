/**
 * Whom a process leaves out, by what its person decided: computed from the decisions alone, for the checker.
 *
 * @module
 */

/** What a person can decide about whom it lets read. */
export type Decision = "exclude" | "include" | "lock" | "unlock" | "trust";

/** Whom a process leaves out, now and since some moment. People are told apart by name. */
export class LeaveOut {
  #excluded: ReadonlySet<string> = new Set();
  #trusted: ReadonlySet<string> = new Set();
  #locked = false;
  /** How it was from each moment on at which it changed. */
  readonly #before: { readonly until: number; readonly leavesOut: (person: string) => boolean }[] =
    [];

  /**
   * The person decides.
   *
   * @param about Whom about; nobody for `lock` and `unlock`.
   * @param moment When.
   */
  decide(decision: Decision, about: string, moment: number): void {
    const [excluded, trusted, locked] = [this.#excluded, this.#trusted, this.#locked];
    const leavesOut = (person: string) => isLeftOut(person, excluded, trusted, locked);
    this.#before.push({ until: moment, leavesOut });
    if (decision === "exclude") this.#excluded = excluded.union(new Set([about]));
    if (decision === "include") this.#excluded = excluded.difference(new Set([about]));
    if (decision === "trust") this.#trusted = trusted.union(new Set([about]));
    if (decision === "lock") this.#locked = true;
    if (decision === "unlock") this.#locked = false;
  }

  /** Whether somebody is given nothing of what is said. */
  leavesOut(person: string): boolean {
    return isLeftOut(person, this.#excluded, this.#trusted, this.#locked);
  }

  /** Whether somebody was left out at a moment. */
  leftOutAt(person: string, moment: number): boolean {
    const then = this.#before.find(({ until }) => until > moment);
    return then === undefined ? this.leavesOut(person) : then.leavesOut(person);
  }

  /** Whether somebody was left out at any moment after this one, or is now. */
  hasLeftOut(person: string, since: number): boolean {
    return this.leavesOut(person) ||
      this.#before.some(({ until, leavesOut }) => until > since && leavesOut(person));
  }
}

/** Nobody is known from an earlier run: whom a lock lets read is whom this person trusts. */
function isLeftOut(
  person: string,
  excluded: ReadonlySet<string>,
  trusted: ReadonlySet<string>,
  locked: boolean,
): boolean {
  return excluded.has(person) || locked && !trusted.has(person);
}
