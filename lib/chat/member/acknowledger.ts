/**
 * When a member says how much it has shown.
 *
 * In a room of two every frame is acknowledged at once; in a room of a thousand that would send a thousand
 * acknowledgements for every message, so they wait for one another.
 *
 * @module
 */

/** The longest that an acknowledgement of a message waits, in milliseconds. */
const MAX_DELAY_MS = 1000;
/** How long other frames may wait to be acknowledged, in milliseconds. */
const IDLE_DELAY_MS = 1000;
/** Rooms up to this size acknowledge at once. */
const SMALL_ROOM = 4;
/** So many frames, or bytes of them, are acknowledged whatever the delay. */
export const MAX_FRAMES = 512;
const MAX_BYTES = 256 << 10;

/** What an acknowledger needs of the member around it. */
export interface AcknowledgerOptions {
  readonly now: () => number;
  /** Sends that so many counted frames have been shown. */
  send(count: number): void;
  /** {@linkcode Acknowledger.dueAt} is earlier than it was. */
  wake(): void;
}

/** Frames that were processed once so many events had been emitted. */
interface Mark {
  readonly events: number;
  readonly frames: number;
  readonly membership: number;
}

/** Counts what was processed, what was shown, and what was said of it. */
export class Acknowledger {
  readonly #options: AcknowledgerOptions;
  #marks: Mark[] = [];
  #waiting: { readonly events: number; readonly then: () => void }[] = [];
  #emitted = 0;
  #displayed = 0;
  #frames = 0;
  #shownFrames = 0;
  #saidFrames = 0;
  #bytes = 0;
  #membership = 0;
  #urgent = false;
  #dueAt: number | undefined;

  /** Starts with nothing processed. */
  constructor(options: AcknowledgerOptions) {
    this.#options = options;
  }

  /** The membership number up to which everything has been shown. */
  get displayedMembership(): number {
    return this.#membership;
  }

  /** How many events were emitted. */
  get emittedEvents(): number {
    return this.#emitted;
  }

  /** How many of them have been shown. */
  get displayedEvents(): number {
    return this.#displayed;
  }

  /** When {@linkcode tick} has something to do, in milliseconds since 1970. */
  get dueAt(): number | undefined {
    return this.#dueAt;
  }

  /** An event was emitted: what is processed from here on is shown no earlier than it. */
  emitted(): void {
    this.#emitted += 1;
  }

  /** The roster that this member starts from has been emitted. */
  began(membership: number): void {
    this.#mark(membership);
  }

  /** Another room begins: its frames are counted anew. */
  restart(): void {
    this.#marks = [];
    this.#frames = this.#shownFrames = this.#saidFrames = 0;
    this.#bytes = 0;
    this.#membership = 0;
    this.#urgent = false;
    this.#dueAt = undefined;
  }

  /** Another connection: what was said over the last one may not have been heard. */
  repeat(): void {
    this.#say();
  }

  /** Says what has been shown and not been said, however long it might wait. */
  hurry(): void {
    if (this.#shownFrames > this.#saidFrames) this.#say();
  }

  /** Does something once everything that has been emitted so far has been shown. */
  afterShown(then: () => void): void {
    if (this.#displayed >= this.#emitted) then();
    else this.#waiting.push({ events: this.#emitted, then });
  }

  /**
   * A counted frame was processed.
   *
   * @param membership The membership number after it.
   * @param bytes Its size.
   * @param urgent Whether its sender waits to hear that it was shown.
   * @param roomSize How many members the room has.
   */
  processed(membership: number, bytes: number, urgent: boolean, roomSize: number): void {
    this.#frames += 1;
    this.#bytes += bytes;
    this.#urgent ||= urgent;
    this.#mark(membership);
    this.#consider(roomSize);
  }

  /** The first so many events have been shown. */
  displayed(events: number, roomSize: number): void {
    this.#displayed = Math.min(Math.max(events, this.#displayed), this.#emitted);
    this.#settle();
    while (this.#waiting.length > 0 && this.#waiting[0]!.events <= this.#displayed) {
      this.#waiting.shift()!.then();
    }
    this.#consider(roomSize);
  }

  /** Says what is due. */
  tick(): void {
    if (this.#dueAt !== undefined && this.#options.now() >= this.#dueAt) this.#say();
  }

  #mark(membership: number): void {
    const last = this.#marks.at(-1);
    const mark = { events: this.#emitted, frames: this.#frames, membership };
    if (last?.events === this.#emitted) this.#marks[this.#marks.length - 1] = mark;
    else this.#marks.push(mark);
    this.#settle();
  }

  #settle(): void {
    let shown = 0;
    while (shown < this.#marks.length && this.#marks[shown]!.events <= this.#displayed) shown++;
    if (shown === 0) return;
    const mark = this.#marks[shown - 1]!;
    this.#shownFrames = mark.frames;
    this.#membership = mark.membership;
    this.#marks = this.#marks.slice(shown);
  }

  #consider(roomSize: number): void {
    if (this.#shownFrames === this.#saidFrames) return;
    const delay = this.#delay(roomSize);
    if (delay === 0) return this.#say();
    const at = this.#options.now() + delay;
    if (this.#dueAt !== undefined && this.#dueAt <= at) return;
    this.#dueAt = at;
    this.#options.wake();
  }

  #delay(roomSize: number): number {
    if (this.#shownFrames - this.#saidFrames >= MAX_FRAMES || this.#bytes >= MAX_BYTES) return 0;
    return acknowledgeWithin(roomSize, this.#urgent);
  }

  #say(): void {
    this.#dueAt = undefined;
    this.#saidFrames = this.#shownFrames;
    this.#bytes = 0;
    this.#urgent = this.#shownFrames < this.#frames && this.#urgent;
    this.#options.send(this.#shownFrames);
  }
}

/**
 * How long an acknowledgement waits, in milliseconds.
 *
 * @param roomSize How many members the room has.
 * @param urgent Whether somebody waits to hear that something was shown.
 */
export function acknowledgeWithin(roomSize: number, urgent: boolean): number {
  if (!urgent) return IDLE_DELAY_MS;
  return roomSize <= SMALL_ROOM ? 0 : Math.min(MAX_DELAY_MS, roomSize);
}
