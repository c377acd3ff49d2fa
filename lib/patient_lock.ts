/**
 * Waiting for the lock of a file (flock(2)), which another process may hold for ever.
 *
 * @module
 */

/** How long a lock is waited for. */
export interface Patience {
  /** After how many milliseconds it is said that it is waited for. */
  readonly tellAfterMs: number;
  /** After how many milliseconds it is not waited for any longer. */
  readonly giveUpAfterMs: number;
}

/** How often it is tried, in milliseconds: often at first, since mostly it is free again at once. */
const TRY_MS = { first: 2, most: 50 } as const;

/**
 * Takes the lock of an open file, for this process alone.
 *
 * @param file The file.
 * @param patience How long to wait.
 * @param waiting Told once that it is waited for.
 * @returns What gives it back, or undefined where it was not to be had.
 */
export async function takeLock(
  file: Pick<Deno.FsFile, "tryLock" | "unlock">,
  { tellAfterMs, giveUpAfterMs }: Patience,
  waiting: () => void,
): Promise<AsyncDisposable | undefined> {
  const start = performance.now();
  let told = false;
  for (let pause: number = TRY_MS.first;; pause = Math.min(2 * pause, TRY_MS.most)) {
    if (await file.tryLock(true)) return { [Symbol.asyncDispose]: () => file.unlock() };
    const waited = performance.now() - start;
    if (waited >= giveUpAfterMs) return undefined;
    if (waited >= tellAfterMs && !told) {
      told = true;
      waiting();
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
