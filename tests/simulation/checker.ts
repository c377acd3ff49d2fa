/**
 * What must be true of a run, whatever the implementation: computed from what was entered, what each member
 * displayed, and who could have read what. It knows nothing else.
 *
 * @module
 */

import { type Decision, LeaveOut } from "./leave_out.ts";

/** One process of a member, by a name that no other process has: the person's, and which run of it this is. */
export type Process = string;

/** The person whose process it is. */
export function personOf(process: Process): string {
  return process.split(".")[0]!;
}

/** Returns a message without what makes it long. */
export function lineOf(text: string): string {
  return text.slice(0, text.indexOf(">") + 1);
}

/** A moment of sealing, and whom the sender left out then. */
export type Sealing = (person: string) => boolean;

/** A message that was entered. */
interface Entered {
  readonly by: Process;
  readonly at: number;
  /** Which of its sender's messages it is. */
  readonly number: number;
  /** The person that it is for alone. */
  readonly to: string | undefined;
  readonly recipients: ReadonlySet<Process>;
  /** Those for whom its sender gave it up. */
  readonly givenUp: Set<Process>;
  delivered: number;
}

/** What one process misses of another. */
interface Losses {
  /** The number of messages that it was told to miss. */
  told: number;
  /** The number of those that came late. */
  late: number;
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
  /** The highest message that it has displayed of each stream. */
  readonly last: Map<string, number>;
  /** What it misses, by sender. */
  readonly losses: Map<Process, Losses>;
  /** Stays and numbers of those whom it was shown though they are not there. */
  readonly ghosts: Set<string>;
  /** What was on its way to it from a liar, and whether each sender knew the same roster. */
  readonly carried: Map<string, (() => boolean)[]>;
  /** What it has said, in order. */
  readonly said: Map<string, Entered>;
  /** Whom it leaves out. */
  readonly leaveOut: LeaveOut;
  alive: boolean;
}

/** Follows a run, and says what is wrong with it. */
export class Checker {
  readonly problems: string[] = [];
  readonly #views = new Map<Process, View>();
  readonly #entered = new Map<string, Entered>();
  /** The processes that left. */
  readonly #left = new Set<Process>();
  /** Whether so much is said that a sender may give up lines for those who do not take them. */
  mayGiveUp = false;
  /** The person whose member lies. Nothing is promised to it, nor about what it says. */
  liar: string | undefined;
  /** Whether the relay lies, or has lied. */
  isLiedTo = false;
  /** Whether all frames pass through a liar, which knows who was shown which history. */
  isInspected = false;
  /** Whether the relay has been honest for so long that nobody finds fault any more. */
  isCalm = false;
  readonly #turnedBack = new Set<Process>();
  /** Inviters and those whom they have accepted. */
  readonly #accepted = new Set<string>();
  /** Counts what happens: one is before another if its number is lower. */
  #moment = 0;

  #isLiar(process: Process): boolean {
    return personOf(process) === this.liar;
  }

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
        last: new Map(),
        losses: new Map(),
        ghosts: new Set(),
        carried: new Map(),
        said: new Map(),
        leaveOut: new LeaveOut(),
        alive: true,
      };
      this.#views.set(process, view);
    }
    return view;
  }

  /** Hears each problem at once. */
  tell: (text: string) => void = () => {};

  #problem(text: string): void {
    this.tell(`PROBLEM: ${text}`);
    this.problems.push(text);
  }

  started(process: Process): void {
    this.#view(process);
  }

  /** A process has ended, or left: nothing is promised to it, nor by it, any longer. */
  stopped(process: Process): void {
    this.#view(process).alive = false;
  }

  /** A process leaves. */
  leaves(process: Process): void {
    this.#left.add(process);
    this.stopped(process);
  }

  /** A person decides whom it lets read from here on. */
  decided(process: Process, decision: Decision, about: string): void {
    this.#view(process).leaveOut.decide(decision, about, this.#moment++);
  }

  displayedJoin(process: Process, whose: Process): void {
    this.#view(process).here.add(whose);
  }

  /** @param signed Whether the one that left is said to have signed that. */
  toldLeave(process: Process, whose: Process, signed: boolean): void {
    const view = this.#view(process);
    if (signed && !this.#left.has(whose)) {
      this.#problem(`${process} is told that ${whose} has signed its leaving, which it did not`);
    }
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
   * Something was entered: it is for those who are there by what its sender was shown, and not left out.
   *
   * @param to Whom for, by the name that is displayed: the person, in whichever run the sender knows it.
   */
  entered(process: Process, text: string, number: number, to: string | undefined): void {
    const { here, going, leaveOut } = this.#view(process);
    const there = [...here].filter((one) =>
      !going.has(one) && !leaveOut.leavesOut(personOf(one)) &&
      (to === undefined || personOf(one) === to)
    );
    const recipients = new Set(there);
    const at = this.#moment++;
    const givenUp = new Set<Process>();
    const message = { by: process, at, number, to, recipients, givenUp, delivered: 0 };
    this.#entered.set(text, message);
    this.#view(process).said.set(text, message);
  }

  /**
   * It was not taken.
   *
   * @param excluded Whether because the one whom it was for is left out.
   */
  refused(process: Process, text: string, to: string | undefined, excluded: boolean): void {
    this.#entered.delete(text);
    this.#view(process).said.delete(text);
    const isLeftOut = to !== undefined && this.#view(process).leaveOut.leavesOut(to);
    if (excluded && !isLeftOut) {
      this.#problem(`${process} is refused ${text}, though ${to} may read`);
    }
  }

  /** @param how Whether it is said to be late. */
  displayedMessage(
    process: Process,
    text: string,
    from: Process,
    { late = false }: { readonly late?: boolean } = {},
  ): void {
    const view = this.#view(process);
    const message = this.#entered.get(text);
    if (this.#isLiar(process) || this.#isLiar(from)) return;
    if (message === undefined) {
      return this.#problem(`${process} shows ${text}, which nobody entered`);
    }
    if (message.by !== from) this.#problem(`${process} shows ${text} as ${from}'s`);
    if (!message.recipients.has(process)) {
      this.#problem(`${process} shows ${text}, which was not for it`);
    }
    if (view.shownSet.has(text)) this.#problem(`${process} shows ${text} twice`);
    view.shownSet.add(text);
    view.shown.push(text);
    const carried = this.isInspected ? view.carried.get(text) : undefined;
    if (carried?.every((agrees) => !agrees())) {
      this.#problem(`${process} shows ${text}, of whose sender it knows another roster`);
    }
    if (late) this.#lossesOf(process, from).late += 1;
    this.#checkNoticed(process, from, message);
    const stream = `${from} ${message.to ?? ""}`;
    const last = view.last.get(stream) ?? 0;
    if (message.number < last && !late) this.#problem(`${process} shows ${text} out of order`);
    view.last.set(stream, Math.max(last, message.number));
  }

  /** How many messages a process was told to miss of another, and how many of them came late. */
  #lossesOf(process: Process, from: Process): Losses {
    const { losses } = this.#view(process);
    const known = losses.get(from) ?? { told: 0, late: 0 };
    losses.set(from, known);
    return known;
  }

  /** Whatever is missing before a message that is shown has been told to be missing. */
  #checkNoticed(process: Process, from: Process, { number, to }: Entered): void {
    const { shownSet } = this.#view(process);
    const sender = this.#view(from);
    let missing = 0;
    for (const [text, one] of sender.said) {
      if (one.number >= number) break;
      const isDue = one.to === to && one.recipients.has(process) && !shownSet.has(text) &&
        (sender.told.get(process) ?? -1) < one.at && !one.givenUp.has(process) &&
        !sender.leaveOut.hasLeftOut(personOf(process), one.at);
      if (isDue) missing += 1;
    }
    const { told, late } = this.#lossesOf(process, from);
    if (missing <= told - late) return;
    this.#problem(
      `${process} misses ${missing} before ${number} of ${from}, and is told of ${told - late}`,
    );
  }

  /**
   * A frame with messages is on its way to a process.
   *
   * @param agrees Whether the process and the sender know the same of the room. More may be told until it is shown.
   */
  carried(process: Process, texts: readonly string[], agrees: () => boolean): void {
    const { carried } = this.#view(process);
    for (const text of texts) carried.set(text, [...carried.get(text) ?? [], agrees]);
  }

  /** A process is shown somebody who is not there, by a number in one of its stays. */
  relisted(process: Process, stay: string, number: number): void {
    this.#view(process).ghosts.add(`${stay} ${number}`);
  }

  /** A process is told that another one is really there. */
  confirmed(process: Process, whose: Process, stay: string, number: number): void {
    if (!this.#view(process).ghosts.has(`${stay} ${number}`)) return;
    this.#problem(`${process} is told that ${whose} is there, which is not`);
  }

  /**
   * A sender is told that a message is delivered.
   *
   * @param missed The names of those of whom it is told that they may not have shown it.
   */
  delivered(process: Process, text: string, missed: readonly string[]): void {
    const message = this.#entered.get(text)!;
    message.delivered += 1;
    if (this.#isLiar(process)) return;
    if (message.delivered > 1) this.#problem(`${text} is delivered twice`);
    const { told, leaveOut } = this.#view(process);
    for (const name of missed) {
      if ([...message.recipients].some((one) => personOf(one) === name)) continue;
      this.#problem(`${process} is told that ${name} missed ${text}, which was not for it`);
    }
    for (const one of message.recipients) {
      if (this.#isLiar(one)) continue;
      const view = this.#view(one);
      const isMissed = !view.shownSet.has(text) && (told.get(one) ?? -1) > message.at &&
        !leaveOut.hasLeftOut(personOf(one), message.at);
      if (isMissed && !missed.includes(personOf(one))) {
        this.#problem(`${process} is not told that ${one}, who has gone, has not shown ${text}`);
      }
      if (!view.alive || view.shownSet.has(text) || (told.get(one) ?? -1) > message.at) continue;
      if (leaveOut.hasLeftOut(personOf(one), message.at)) continue;
      if (this.mayGiveUp && missed.includes(personOf(one))) {
        message.givenUp.add(one);
        continue;
      }
      this.#problem(`${process} is told that ${text} is delivered, which ${one} has not shown`);
    }
  }

  /**
   * A process is in the room of a relay again that had given it up.
   *
   * @param told Whether it is told that it has missed something.
   */
  cameBack(process: Process, told: boolean): void {
    if (!told && !this.isLiedTo) {
      this.#problem(`${process} was given up, is back, and is not told what it missed`);
    }
  }

  /** @param whose Whose frame it is that is at fault. */
  fault(process: Process, code: string, whose: Process | undefined, detail: string): void {
    if (this.#isLiar(process) || whose !== undefined && this.#isLiar(whose) && code !== "FAILED") {
      return;
    }
    if (code === "GAP") {
      const { told } = this.#lossesOf(process, whose!);
      this.#lossesOf(process, whose!).told = told + parseInt(detail);
    }
    const isFault = code === "FAILED" || this.isCalm && code !== "GAP" || !this.isLiedTo;
    if (!isFault || code === "GAP" && this.mayGiveUp) return;
    this.#problem(`${process} finds fault: ${code} ${whose} ${detail}`);
  }

  /** A process is shown a room as it was before, and is to end. */
  turnedBack(process: Process): void {
    this.#turnedBack.add(process);
  }

  /** An inviter accepts a guest. It has given its link to one person alone. */
  accepts(inviter: Process, guest: Process, invited: string): void {
    this.#accepted.add(`${inviter} ${guest}`);
    if (personOf(guest) === invited) return;
    this.#problem(`${inviter} accepts ${guest}, whom it did not invite`);
  }

  /** A guest is told that its inviter has accepted it. */
  isAccepted(guest: Process, inviter: Process): void {
    if (this.#accepted.has(`${inviter} ${guest}`)) return;
    this.#problem(`${guest} is told that ${inviter} has accepted it, which did not`);
  }

  endedUnasked(process: Process, reason: string): void {
    const isRight = reason === "BAD_RELAY" && this.#turnedBack.has(process);
    if (!this.#isLiar(process) && !isRight) this.#problem(`${process} ends unasked: ${reason}`);
  }

  /** Whom a process leaves out at this moment, at which it seals something. */
  seals(process: Process): Sealing {
    const { leaveOut } = this.#view(process);
    const now = this.#moment++;
    return (person) => leaveOut.leftOutAt(person, now);
  }

  /** Whether a process leaves out a person now. */
  leavesOut(process: Process, person: string): boolean {
    return this.#view(process).leaveOut.leavesOut(person);
  }

  /** Who could have read a message, as it was sealed at some moment. */
  readable(text: string, by: ReadonlySet<Process>, leftOut: Sealing): void {
    const message = this.#entered.get(text);
    if (message === undefined) return this.#problem(`${text} is sealed, which nobody entered`);
    for (const one of by) {
      if (one === message.by) continue;
      if (!message.recipients.has(one)) {
        this.#problem(`${text} could be read by ${one}, for whom it was not`);
      } else if (leftOut(personOf(one))) {
        this.#problem(`${text} could be read by ${one}, who was left out when it was sealed`);
      }
    }
  }

  stuck(process: Process, what: string): void {
    this.#problem(`${process} is stuck: ${what}`);
  }

  /** The run is over, everything was mended, and there was time enough. */
  finish(): void {
    for (const [text, { by, at, recipients, delivered, givenUp }] of this.#entered) {
      const sender = this.#view(by);
      if (!sender.alive || this.#isLiar(by)) continue;
      const isOwed = ![...recipients].some((one) => this.#isLiar(one));
      if (isOwed && delivered === 0) this.#problem(`${text} is never delivered`);
      for (const one of recipients) {
        const view = this.#view(one);
        if (this.#isLiar(one)) continue;
        if (!view.alive || view.shownSet.has(text) || (sender.left.get(one) ?? -1) > at) continue;
        if (sender.leaveOut.hasLeftOut(personOf(one), at) || givenUp.has(one)) continue;
        this.#problem(`${one} never shows ${text}, which was for it`);
      }
    }
  }

  /** How much a run did, so that a run that did nothing is not taken for a good one. */
  get size(): { readonly entered: number; readonly shown: number } {
    let shown = 0;
    for (const view of this.#views.values()) shown += view.shown.length;
    return { entered: this.#entered.size, shown };
  }
}
