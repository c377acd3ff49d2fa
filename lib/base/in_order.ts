/**
 * Runs effects in the order in which they were added, and work several at a time with its results in order.
 *
 * @module
 */

/** The queue's limits. Above either of them the source should pause. */
export interface InOrderBounds {
  readonly items: number;
  readonly bytes: number;
}

/** A queue of effects. Each one starts when the one before it has ended. */
export class InOrder {
  readonly #bounds: InOrderBounds;
  readonly #fail: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #items = 0;
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /**
   * Creates an empty queue.
   *
   * @param bounds The limits above which the queue is full.
   * @param fail Called with the error of an effect that failed. Later effects run all the same.
   */
  constructor(bounds: InOrderBounds, fail: (error: unknown) => void) {
    this.#bounds = bounds;
    this.#fail = fail;
  }

  /**
   * Adds an effect.
   *
   * @param bytes The number of bytes that the effect holds in memory.
   * @param effect Called when all earlier effects have ended.
   */
  add(bytes: number, effect: () => void | Promise<void>): void {
    this.#items += 1;
    this.#bytes += bytes;
    this.#last = this.#last.then(effect).catch(this.#fail).then(() => {
      this.#items -= 1;
      this.#bytes -= bytes;
      if (this.#room !== undefined && !this.#isFull()) this.#makeRoom(this.#room);
    });
  }

  /** Whether the queue is empty. */
  get idle(): boolean {
    return this.#items === 0;
  }

  /** Resolves when everything added so far has ended. */
  get settled(): Promise<void> {
    return this.#last;
  }

  /** Resolves when the queue has room again; undefined if it has room now. */
  get full(): Promise<void> | undefined {
    if (!this.#isFull()) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  #makeRoom(room: PromiseWithResolvers<void>): void {
    this.#room = undefined;
    room.resolve();
  }

  #isFull(): boolean {
    return this.#items >= this.#bounds.items || this.#bytes >= this.#bounds.bytes;
  }
}

/** The number of results that may wait for a late one, as a multiple of those that run at a time. */
const AHEAD = 16;

/**
 * Runs a function for items, several at a time, and yields the results in the order of the items.
 *
 * @param items The items.
 * @param parallel How many run at a time.
 * @param run The function.
 */
export async function* inOrder<Item, Result>(
  items: readonly Item[],
  parallel: number,
  run: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running = new Map<number, Promise<Result>>();
  let [active, next, head] = [0, 0, 0];
  const start = () => {
    while (active < parallel && next < items.length && next - head < parallel * AHEAD) {
      active += 1;
      const result = run(items[next]!).finally(() => {
        active -= 1;
        start();
      });
      running.set(next++, result);
    }
  };
  for (; head < items.length; head++) {
    start();
    yield await running.get(head)!;
    running.delete(head);
  }
}
