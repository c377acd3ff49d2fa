/**
 * Work that begins at once and takes effect in order.
 *
 * @module
 */

/** How much may wait before its source is asked to pause. */
export interface InOrderBounds {
  readonly items: number;
  readonly bytes: number;
}

/** Items one behind the other, whatever each waits for. */
export class InOrder {
  readonly #bounds: InOrderBounds;
  readonly #fail: (error: unknown) => void;
  #last: Promise<void> = Promise.resolve();
  #items = 0;
  #bytes = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /**
   * Starts with nothing waiting.
   *
   * @param bounds When it is full.
   * @param fail Hears of an effect that failed; what comes after it happens all the same.
   */
  constructor(bounds: InOrderBounds, fail: (error: unknown) => void) {
    this.#bounds = bounds;
    this.#fail = fail;
  }

  /**
   * Adds an item.
   *
   * @param bytes How large what it holds is.
   * @param effect What happens once everything before it has happened.
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

  /** Whether nothing waits. */
  get idle(): boolean {
    return this.#items === 0;
  }

  /** A promise of the end of what has been added so far. */
  get settled(): Promise<void> {
    return this.#last;
  }

  /** A promise of room for more, or undefined where there is room. */
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
