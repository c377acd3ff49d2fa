/**
 * How often which time was measured.
 *
 * @module
 */

/** Each doubling of the time is cut into so many buckets: a value is known to 1 in 32. */
const STEPS = 32;
/** 2^36 us are 19 hours. */
const DOUBLINGS = 36;

/** A range of times, and how many lie in it. */
export interface HistogramRow {
  /** Microseconds, included. */
  readonly from: number;
  /** Microseconds, not included. */
  readonly to: number;
  /** How many times were measured in it. */
  readonly count: number;
}

/**
 * Counts times in buckets that grow with the time, so that a million of them take no more room than one and
 * a percentile is off by 3 % at most.
 */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * DOUBLINGS);
  #count = 0;
  #sum = 0;
  #max = 0;
  #min = Infinity;

  /** How many times were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The longest time, exactly, in microseconds; 0 where there is none. */
  get max(): number {
    return this.#max;
  }

  /** The shortest time, exactly, in microseconds; 0 where there is none. */
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }

  /** The mean, exactly, in microseconds; 0 where there is none. */
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Records a time in microseconds. */
  record(us: number): void {
    this.#counts[bucketOf(us)]! += 1;
    this.#count += 1;
    this.#sum += us;
    if (us > this.#max) this.#max = us;
    if (us < this.#min) this.#min = us;
  }

  /**
   * The time that a share of all do not exceed (nearest rank), in microseconds; 0 where there is none.
   *
   * @param share 0 to 1: 0.99 for p99.
   */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) {
        const middle = (startOf(bucket) + startOf(bucket + 1)) / 2;
        return Math.min(this.#max, Math.max(this.#min, middle));
      }
    }
    return 0;
  }

  /** The counts by doublings, from the first that has any to the last. */
  rows(): HistogramRow[] {
    const rows: HistogramRow[] = [];
    for (let doubling = 0; doubling < DOUBLINGS; doubling++) {
      const start = doubling * STEPS;
      const count = this.#counts.subarray(start, start + STEPS).reduce((a, b) => a + b, 0);
      rows.push({ from: startOf(start), to: startOf(start + STEPS), count });
    }
    const first = rows.findIndex(({ count }) => count > 0);
    return first < 0 ? [] : rows.slice(first, rows.findLastIndex(({ count }) => count > 0) + 1);
  }
}

/** Under 2 us the buckets are linear; above, `STEPS` to a doubling. */
function bucketOf(us: number): number {
  if (us < 2) return Math.max(0, Math.floor(us / 2 * STEPS));
  const doubling = Math.min(DOUBLINGS - 1, Math.floor(Math.log2(us)));
  return Math.min(
    doubling * STEPS + Math.floor((us / 2 ** doubling - 1) * STEPS),
    STEPS * DOUBLINGS - 1,
  );
}

function startOf(bucket: number): number {
  const doubling = Math.floor(bucket / STEPS);
  const step = bucket % STEPS;
  return doubling === 0 ? step * 2 / STEPS : 2 ** doubling * (1 + step / STEPS);
}
