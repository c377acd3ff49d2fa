/**
 * What must be true of a run, whatever the implementation: computed from what was entered, what each member
 * displayed, and who could have read what. It knows nothing else.
 *
 * @module
 */

/** One process of a member, by a name that no other process has. */
export type Process = string;

/** A message that was entered. */
interface Entered {
  readonly by: Process;
  readonly at: number;
  /** Which of its sender's messages it is. */
  readonly number: number;
  readonly audience: ReadonlySet<Process>;
  delivered: number;
}

/** What one process has displayed. */
interface View {
  /** Whose joining it has displayed, and not their leaving. */
  readonly here: Set<Process>;
  /** Whose leaving it has displayed, and when last. */
  readonly left: Map<Process, number>;
  /** Whose leaving it has been told of, displayed or not, and when last. */
  readonly told: Map<Process, number>;
  /** Whose leaving it has been told of and not displayed yet: they are gone, and its screen is late. */
  readonly going: Set<Process>;
  /** The messages that it has displayed, in order. */
  readonly shown: string[];
  readonly shownSet: Set<string>;
  alive: boolean;
}

/** Follows a run, and says what is wrong with it. */
export class Checker {
  readonly problems: string[] = [];
  readonly #views = new Map<Process, View>();
  readonly #entered = new Map<string, Entered>();
  /** Counts what happens: one is before another if its number is lower. */
  #moment = 0;

  #view(process: Process): View {
    let view = this.#views.get(process);
    if (view === undefined) {
      view = {
        here: new Set(),
        left: new Map(),
        told: new Map(),
        going: new Set(),
        shown: [],
        shownSet: new Set(),
        alive: true,
      };
      this.#views.set(process, view);
    }
    return view;
  }

  #problem(text: string): void {
    this.problems.push(text);
  }

  started(process: Process): void {
    this.#view(process);
  }

  /** A process has ended, or left: nothing is promised to it, nor by it, any longer. */
  stopped(process: Process): void {
    this.#view(process).alive = false;
  }

  displayedJoin(process: Process, whose: Process): void {
    this.#view(process).here.add(whose);
  }

  toldLeave(process: Process, whose: Process): void {
    const view = this.#view(process);
    view.told.set(whose, this.#moment++);
    view.going.add(whose);
  }

  displayedLeave(process: Process, whose: Process): void {
    const view = this.#view(process);
    view.here.delete(whose);
    view.going.delete(whose);
    view.left.set(whose, this.#moment++);
  }

  /**
   * Something was entered.
   *
   * @param to Whom for, by the name that is displayed: the person, in whichever run the sender knows it.
   */
  entered(process: Process, text: string, number: number, to: string | undefined): void {
    const { here, going } = this.#view(process);
    const there = [...here].filter((one) => !going.has(one));
    const audience = new Set(
      to === undefined ? there : there.filter((one) => one.split(".")[0] === to),
    );
    this.#entered.set(text, { by: process, at: this.#moment++, number, audience, delivered: 0 });
  }

  /** It was not taken. */
  refused(text: string): void {
    this.#entered.delete(text);
  }

  displayedMessage(process: Process, text: string, from: Process): void {
    const view = this.#view(process);
    const message = this.#entered.get(text);
    if (message === undefined) {
      return this.#problem(`${process} shows ${text}, which nobody entered`);
    }
    if (message.by !== from) this.#problem(`${process} shows ${text} as ${from}'s`);
    if (!message.audience.has(process)) {
      this.#problem(`${process} shows ${text}, which was not for it`);
    }
    if (view.shownSet.has(text)) this.#problem(`${process} shows ${text} twice`);
    view.shownSet.add(text);
    view.shown.push(text);
  }

  /** A sender is told that a message is delivered. */
  delivered(process: Process, text: string): void {
    const message = this.#entered.get(text)!;
    message.delivered += 1;
    if (message.delivered > 1) this.#problem(`${text} is delivered twice`);
    const { told } = this.#view(process);
    for (const one of message.audience) {
      const view = this.#view(one);
      if (!view.alive || view.shownSet.has(text) || (told.get(one) ?? -1) > message.at) continue;
      this.#problem(`${process} is told that ${text} is delivered, which ${one} has not shown`);
    }
  }

  fault(process: Process, code: string): void {
    this.#problem(`${process} finds fault: ${code}`);
  }

  endedUnasked(process: Process, reason: string): void {
    this.#problem(`${process} ends unasked: ${reason}`);
  }

  /** Who could have read a message. */
  readable(text: string, by: ReadonlySet<Process>): void {
    const message = this.#entered.get(text);
    if (message === undefined) return this.#problem(`${text} is sealed, which nobody entered`);
    for (const one of by) {
      if (one === message.by || message.audience.has(one)) continue;
      this.#problem(`${text} could be read by ${one}, for whom it was not`);
    }
  }

  stuck(process: Process, what: string): void {
    this.#problem(`${process} is stuck: ${what}`);
  }

  /** The run is over, everything was mended, and there was time enough. */
  finish(): void {
    for (const [text, { by, at, audience, delivered }] of this.#entered) {
      const sender = this.#view(by);
      if (!sender.alive) continue;
      if (delivered === 0) this.#problem(`${text} is never delivered`);
      for (const one of audience) {
        const view = this.#view(one);
        if (!view.alive || view.shownSet.has(text) || (sender.left.get(one) ?? -1) > at) continue;
        this.#problem(`${one} never shows ${text}, which was for it`);
      }
    }
    for (const [process, { shown }] of this.#views) this.#checkOrder(process, shown);
  }

  #checkOrder(process: Process, shown: readonly string[]): void {
    const last = new Map<Process, number>();
    for (const text of shown) {
      const message = this.#entered.get(text);
      if (message === undefined) continue;
      const { by, number } = message;
      if (number <= (last.get(by) ?? 0)) this.#problem(`${process} shows ${text} out of order`);
      last.set(by, number);
    }
  }

  /** How much a run did, so that a run that did nothing is not taken for a good one. */
  get size(): { readonly entered: number; readonly shown: number } {
    let shown = 0;
    for (const view of this.#views.values()) shown += view.shown.length;
    return { entered: this.#entered.size, shown };
  }
}
