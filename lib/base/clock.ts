/**
 * When work is done: monotonic time, pauses and time limits; effects in the order in which they were added; and accounts
 * of work, with token buckets that fill with time, one for each party and kind of work.
 *
 * A relay charges addresses, identities and members. A member charges its relay and its peers. Memory is bounded.
 *
 * @module
 */

/** When the process started. Each reading of it would cost as much as a reading of the clock. */
const START = performance.timeOrigin;

/**
 * Returns the time in milliseconds since 1970 by the monotonic clock. The process reads the system's date once, at its
 * start, so a change of the date does not move this time. Use `Date.now()` for times shown to people and in
 * credentials.
 */
export function steadyNow(): number {
  return START + performance.now();
}

/** Waits for a time in milliseconds, or until the signal is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  signal?.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", wake);
}

/** An average rate and a burst. */
export interface Rate {
  /** Tokens added per second; more than 0. */
  readonly perSecond: number;
  /** The capacity of the bucket, in tokens. */
  readonly burst: number;
}

/** A bucket of tokens. Work takes tokens out, and time refills it. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** Creates a full bucket. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * Takes tokens if the bucket holds enough.
   *
   * @returns Whether it did.
   */
  take(tokens: number, now: number): boolean {
    this.#refill(now);
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /**
   * Takes tokens even if the bucket does not hold enough. For work that has already been done.
   *
   * @returns The milliseconds until the debt is paid, or 0 if there is no debt.
   */
  spend(tokens: number, now: number): number {
    this.#refill(now);
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#rate.perSecond * 1000;
  }

  /** Returns the number of tokens taken and not yet refilled. */
  spent(now: number): number {
    this.#refill(now);
    return this.#rate.burst - this.#tokens;
  }

  /** Returns whether the bucket is full. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #refill(now: number): void {
    const tokens = Math.max(0, now - this.#at) / 1000 * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + tokens);
    this.#at = Math.max(now, this.#at);
  }
}

/** The interval at which time limits are checked, in milliseconds. */
const TICK_MS = 20;

/**
 * The most that one interval counts, in milliseconds. An interval takes longer if the process was busy or not scheduled.
 * It could not receive anything during that time.
 */
const MAX_COUNTED_MS = 200;

interface Pending {
  leftMs: number;
  /** Whether it was kept for one more interval because the last one was too long. */
  spared: boolean;
  readonly call: () => void;
}

const pending = new Set<Pending>();
let ticker: AbortSignal | undefined;
let tickedAt = 0;

/**
 * Calls a function after a time during which the process ran. One timer serves all callers, so it suits thousands of
 * short waits. It does not load the runtime's `setTimeout()`, which takes 10 ms.
 *
 * @param ms The time in milliseconds. Up to 20 ms more may pass, and more if the process is not scheduled.
 * @param call The function. It is not called once the returned object is disposed.
 */
export function callAfter(ms: number, call: () => void): Disposable {
  const one: Pending = { leftMs: ms, spared: false, call };
  if (ticker === undefined) startTicker();
  else one.leftMs += performance.now() - tickedAt;
  pending.add(one);
  return {
    [Symbol.dispose]() {
      pending.delete(one);
      if (pending.size === 0) stopTicker();
    },
  };
}

function startTicker(): void {
  tickedAt = performance.now();
  ticker = AbortSignal.timeout(TICK_MS);
  ticker.addEventListener("abort", tick, { once: true });
}

/** Without a listener, the signal's timer no longer keeps the process running. */
function stopTicker(): void {
  ticker?.removeEventListener("abort", tick);
  ticker = undefined;
}

function tick(): void {
  const took = performance.now() - tickedAt;
  startTicker();
  for (const one of pending) one.leftMs -= Math.min(took, MAX_COUNTED_MS);
  // A long interval may end several waits. They end in the order of their times.
  for (const one of [...pending].sort((a, b) => a.leftMs - b.leftMs)) {
    if (one.leftMs > 0) break;
    // What arrived during a long interval is still unread. It is read before the next tick.
    if (took > MAX_COUNTED_MS && !one.spared) one.spared = true;
    else if (pending.delete(one)) one.call();
  }
  if (pending.size === 0) stopTicker();
}

/** A signal that aborts with a `TimeoutError` after a time during which the process ran, as of {@linkcode callAfter}. */
export class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #waiting: Disposable;

  /** @param ms The time in milliseconds. */
  constructor(ms: number) {
    this.#waiting = callAfter(ms, () => {
      this.#controller.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError"));
    });
  }

  /** Aborts at the end of the time, unless the limit is disposed before. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#waiting[Symbol.dispose]();
  }
}

/** The queue's limits. Above either of them the source should pause. */
export interface InOrderBounds {
  readonly items: number;
  readonly bytes: number;
}

/** What an effect of a queue does. */
type Act = () => void | Promise<void>;

/**
 * A queue of effects. Each one starts when the one before it has ended.
 *
 * One loop runs them. In a chain of promises, every error that an effect makes would search the whole chain for its
 * stack: a queue of 8,000 frames made that 1 ms for each frame that is not valid.
 */
export class InOrder {
  readonly #bounds: InOrderBounds;
  readonly #fail: (error: unknown) => void;
  #waiting: { readonly bytes: number; readonly effect: Act }[] = [];
  #isRunning = false;
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
   * @param effect Called when all earlier effects have ended, and never before this method returns.
   */
  add(bytes: number, effect: Act): void {
    this.#items += 1;
    this.#bytes += bytes;
    this.#waiting.push({ bytes, effect });
    if (this.#isRunning) return;
    this.#isRunning = true;
    queueMicrotask(() => this.#run());
  }

  /** Resolves when everything added so far has ended. */
  get settled(): Promise<void> {
    return new Promise((resolve) => this.add(0, resolve));
  }

  /** Resolves when the queue has room again; undefined if it has room now. */
  get full(): Promise<void> | undefined {
    if (!this.#isFull()) return undefined;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const next = this.#waiting;
      this.#waiting = [];
      for (const { bytes, effect } of next) {
        try {
          await effect();
        } catch (error) {
          this.#fail(error);
        }
        this.#items -= 1;
        this.#bytes -= bytes;
        if (this.#room !== undefined && !this.#isFull()) this.#makeRoom(this.#room);
      }
    }
    this.#isRunning = false;
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

/** The most accounts that are kept. Beyond that, the account that was charged least recently is dropped. */
export const MAX_ACCOUNTS = 10_000;

/** How much of each kind of work one party may cause: at once and per second. */
export type Tariff<Kind extends string> = Readonly<Record<Kind, Rate>>;

/** The account of one party: a token bucket for each kind of work. */
export class Account<Kind extends string> {
  readonly #tariff: Tariff<Kind>;
  readonly #openedAt: number;
  readonly #buckets = new Map<Kind, TokenBucket>();

  /** Opens an account with nothing charged. */
  constructor(tariff: Tariff<Kind>, now: number) {
    this.#tariff = tariff;
    this.#openedAt = now;
  }

  /**
   * Charges work before it is done, if the account can pay for it.
   *
   * @returns Whether the work was charged and may be done.
   */
  allow(kind: Kind, amount: number, now: number): boolean {
    return this.#bucket(kind).take(amount, now);
  }

  /**
   * Charges work that has already been done.
   *
   * @returns The milliseconds until the debt is paid, or 0 if there is no debt.
   */
  charge(kind: Kind, amount: number, now: number): number {
    return this.#bucket(kind).spend(amount, now);
  }

  /** Returns the amount of a kind that is charged and not yet repaid. */
  charged(kind: Kind, now: number): number {
    return this.#bucket(kind).spent(now);
  }

  /** Returns whether nothing is charged, so that the account equals a new one. */
  isClear(now: number): boolean {
    return this.#buckets.values().every((bucket) => bucket.isFull(now));
  }

  #bucket(kind: Kind): TokenBucket {
    const known = this.#buckets.get(kind);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#tariff[kind], this.#openedAt);
    this.#buckets.set(kind, bucket);
    return bucket;
  }
}

/** Accounts by key. Accounts with nothing charged are dropped. */
export class Costs<Kind extends string> {
  readonly #tariff: Tariff<Kind>;
  /** The least recently charged account comes first. */
  readonly #accounts = new Map<string, Account<Kind>>();

  /** Creates an empty ledger. */
  constructor(tariff: Tariff<Kind>) {
    this.#tariff = tariff;
  }

  /** The number of accounts kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Returns the account of a key and marks it as the most recently charged. */
  of(key: string, now: number): Account<Kind> {
    const account = this.#accounts.get(key) ?? new Account(this.#tariff, now);
    this.#accounts.delete(key);
    this.#forget(now);
    this.#accounts.set(key, account);
    return account;
  }

  #forget(now: number): void {
    for (const [key, account] of this.#accounts) {
      if (this.#accounts.size < MAX_ACCOUNTS && !account.isClear(now)) return;
      this.#accounts.delete(key);
    }
  }
}

/** Returns the day of a time in this machine's time zone: `2026-11-28`. */
export function dayOf(time: number): string {
  const date = new Date(time);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
}

/** Returns the time of day in this machine's time zone: `21:03:07`. */
export function secondOf(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
