/**
 * How far each sender's messages have been shown: what makes that nothing is shown twice, in whichever room
 * it comes, and however late.
 *
 * @module
 */

/** So many senders are remembered; the one not heard of for longest is forgotten first. */
const MAX_SENDERS = 16_384;

/** How far one sender's messages have been shown. */
export interface ShownMark {
  /** The highest number of a message of it that was shown; 0 for none. */
  number: number;
}

/** What has been shown, by sender. */
export class Shown {
  readonly #marks = new Map<string, ShownMark>();

  /**
   * How far a sender's messages have been shown. The mark is the one that counts: who shows a message
   * moves it.
   *
   * @param member The sender's hash as the key of a map.
   */
  of(member: string): ShownMark {
    const mark = this.#marks.get(member) ?? { number: 0 };
    this.#marks.delete(member);
    this.#marks.set(member, mark);
    if (this.#marks.size > MAX_SENDERS) this.#marks.delete(this.#marks.keys().next().value!);
    return mark;
  }
}
