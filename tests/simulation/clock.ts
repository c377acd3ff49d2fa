/**
 * Virtual time: what is to happen happens in its order, and takes no real time.
 *
 * @module
 */

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const START = 1_700_000_000_000;

/** What is still to happen, the earliest first (a binary heap). */
export class VirtualClock {
  /** How much faster the time of day goes than that which elapses. */
  dateRate = 1;
  #now = START;
  #order = 0;
  readonly #heap: Due[] = [];

  readonly now = (): number => this.#now;

  /** The time of day, in milliseconds since 1970. */
  readonly date = (): number => START + (this.#now - START) * this.dateRate;

  /** Does something after so many milliseconds. */
  after(ms: number, run: () => void): void {
    this.at(this.#now + ms, run);
  }

  /** Does something at a time. */
  at(at: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(at, this.#now), order: this.#order++, run });
    for (let i = heap.length - 1; i > 0;) {
      const up = (i - 1) >> 1;
      if (!before(heap[i]!, heap[up]!)) break;
      [heap[i], heap[up]] = [heap[up]!, heap[i]!];
      i = up;
    }
  }

  /** Goes on to what happens next; false where nothing does by a time. */
  step(until: number): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > until) return false;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      for (let i = 0;;) {
        const left = 2 * i + 1;
        if (left >= heap.length) break;
        const right = left + 1;
        const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left;
        if (!before(heap[child]!, heap[i]!)) break;
        [heap[i], heap[child]] = [heap[child]!, heap[i]!];
        i = child;
      }
    }
    this.#now = first.at;
    first.run();
    return true;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}
