/**
 * Where lines are shown.
 *
 * @module
 */

/** Shows lines and says how far it has come. */
export interface Display {
  /** Shows lines, or nothing, and then counts a mark as reached. */
  print(lines: readonly string[], mark?: number): void;
  /** Waits until everything has been shown. */
  flush(): Promise<void>;
  /** Why nothing can be shown any longer. */
  readonly failure: { readonly error: unknown } | undefined;
}
