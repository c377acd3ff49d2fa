/**
 * Where lines are shown.
 *
 * @module
 */

/** Shows lines and says how far it has come. */
export interface Display {
  /** Shows lines, or nothing, and then counts a mark as reached. */
  print(lines: readonly string[], mark?: number): void;
  /** A promise that what has been printed so far is shown; undefined where it is. */
  caughtUp(): Promise<void> | undefined;
  /** Fulfilled with an error when nothing can be shown any longer. */
  readonly failed: Promise<unknown>;
  /** Why nothing can be shown any longer. */
  readonly failure: { readonly error: unknown } | undefined;
}
