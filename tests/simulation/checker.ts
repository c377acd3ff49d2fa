/**
 * Checks a simulated run. It computes what must be true from three things alone: what was entered, what each member
 * displayed, and who could have read what. It does not use the implementation.
 *
 * @module
 */

import type { Decision } from "./leave_out.ts";
import { type Entered, type Losses, type Process, View } from "./view.ts";

/** Returns the person whose process it is. */
export function personOf(process: Process): string {
  return process.split(".")[0]!;
}

/** Returns a message without the padding that makes it long. */
export function lineOf(text: string): string {
  return text.slice(0, text.indexOf(">") + 1);
}

/** Tells whether a sender excluded a person at the moment of sealing. */
export type Sealing = (person: string) => boolean;

/** Records a run and reports what is wrong with it. */
export class Checker {
  readonly problems: string[] = [];
  readonly #views = new Map<Process, View>();
  readonly #entered = new Map<string, Entered>();
  /** The processes that left. */
  readonly #left = new Set<Process>();
  /** Whether members say so much that a sender may give up lines for recipients that do not read. */
  mayGiveUp = false;
  /** The person whose member lies. Nothing is required of that member, nor of others about its messages. */
  liar: string | undefined;
  /** Whether the relay lies, or has lied. */
  isLiedTo = false;
  /** Whether a lying relay carries all frames and knows which history each member was shown. */
  isInspected = false;
  /** Whether the relay has been honest for so long that no member may report a fault. */
  isCalm = false;
  readonly #broken = new Set<Process>();
  /** Each inviter, with each guest that it has accepted. */
  readonly #accepted = new Set<string>();
  /** Numbers the recorded events in their order. */
  #moment = 0;

  #isLiar(process: Process): boolean {
    return personOf(process) === this.liar;
  }

  #view(process: Process): View {
    const view = this.#views.get(process) ?? new View();
    this.#views.set(process, view);
    return view;
  }

  /** Called for each problem at once. */
  tell: (text: string) => void = () => {};

  #problem(text: string): void {
    this.tell(`PROBLEM: ${text}`);
    this.problems.push(text);
  }

  started(process: Process): void {
    this.#view(process);
  }

  /** Records that a process has ended or left. From then on nothing is required for it or of it. */
  stopped(process: Process): void {
    this.#view(process).alive = false;
  }

  /** Records that a process leaves by itself. */
  leaves(process: Process): void {
    this.#left.add(process);
    this.stopped(process);
  }

  /** Records that a person decides who may read its messages from now on. */
  decided(process: Process, decision: Decision, about: string): void {
    this.#view(process).leaveOut.decide(decision, about, this.#moment++);
  }

  displayedJoin(process: Process, whose: Process): void {
    this.#view(process).here.add(whose);
  }

  /** @param signed Whether `process` is told that `whose` signed its leaving. */
  toldLeave(process: Process, whose: Process, signed: boolean): void {
    const view = this.#view(process);
    if (signed && !this.#left.has(whose)) {
      this.#problem(`${process} is told that ${whose} has signed its leaving, which it did not`);
    }
    view.told.set(whose, this.#moment++);
    view.going.set(whose, (view.going.get(whose) ?? 0) + 1);
  }

  displayedLeave(process: Process, whose: Process): void {
    const view = this.#view(process);
    view.here.delete(whose);
    view.going.set(whose, (view.going.get(whose) ?? 0) - 1);
    view.left.set(whose, this.#moment++);
  }

  /**
   * Records that a message was entered. Its recipients are the members that its sender displays and does not exclude.
   *
   * @param to The person who is the only recipient, in whichever run the sender knows it.
   */
  entered(process: Process, text: string, number: number, to: string | undefined): void {
    const { here, going, leaveOut } = this.#view(process);
    const there = [...here].filter((one) =>
      (going.get(one) ?? 0) === 0 && !leaveOut.leavesOut(personOf(one)) &&
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
   * Records that a message was refused when it was entered.
   *
   * @param excluded Whether the stated reason is that its recipient is excluded.
   */
  refused(process: Process, text: string, to: string | undefined, excluded: boolean): void {
    this.#entered.delete(text);
    this.#view(process).said.delete(text);
    const isLeftOut = to !== undefined && this.#view(process).leaveOut.leavesOut(to);
    if (excluded && !isLeftOut) {
      this.#problem(`${process} is refused ${text}, though ${to} may read`);
    }
  }

  /** Checks a message that a process displays. `late`: it is displayed as late. */
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

  /** Returns how many messages of another process were reported missing, and how many of them came late. */
  #lossesOf(process: Process, from: Process): Losses {
    const { losses } = this.#view(process);
    const known = losses.get(from) ?? { told: 0, late: 0 };
    losses.set(from, known);
    return known;
  }

  /** Checks that all messages that are missing before a displayed one were reported as missing. */
  #checkNoticed(process: Process, from: Process, { number, to }: Entered): void {
    const { shownSet } = this.#view(process);
    const sender = this.#view(from);
    let missing = 0;
    for (const [text, one] of sender.said) {
      if (one.number >= number) break;
      const isDue = one.to === to && one.recipients.has(process) && !shownSet.has(text) &&
        !one.givenUp.has(process) &&
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
   * Records that a frame with messages is on its way to a process.
   *
   * @param agrees Whether process and sender know the same roster. It is called when a message is shown.
   */
  carried(process: Process, texts: readonly string[], agrees: () => boolean): void {
    const { carried } = this.#view(process);
    for (const text of texts) carried.set(text, [...carried.get(text) ?? [], agrees]);
  }

  /** Records that a relay shows a process a member that is not there, by a number in one of its stays. */
  relisted(process: Process, stay: string, number: number): void {
    this.#view(process).ghosts.add(`${stay} ${number}`);
  }

  /** Checks that a member that a process is told to be confirmed is really there. */
  confirmed(process: Process, whose: Process, stay: string, number: number): void {
    if (!this.#view(process).ghosts.has(`${stay} ${number}`)) return;
    this.#problem(`${process} is told that ${whose} is there, which is not`);
  }

  /**
   * Checks that a message that a sender is told to be delivered was shown by its recipients.
   *
   * @param missed The recipients of which the sender is told that they may not have shown it.
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
   * Checks a process that is back at a relay that had removed it.
   *
   * @param told Whether it is told that it may have missed messages.
   */
  cameBack(process: Process, told: boolean): void {
    if (!told && !this.isLiedTo) {
      this.#problem(`${process} was given up, is back, and is not told what it missed`);
    }
  }

  /** Checks a fault that a process reports. `whose`: the sender of the frame at fault. */
  fault(process: Process, code: string, whose: Process | undefined, detail: string): void {
    if (this.#isLiar(process) || whose !== undefined && this.#isLiar(whose) && code !== "FAILED") {
      return;
    }
    if (code === "GAP") {
      const { told } = this.#lossesOf(process, whose!);
      this.#lossesOf(process, whose!).told = told + parseInt(detail);
      // A sender that was told that a process has left tells it what it was owed, when it is back.
      if (this.#view(whose!).told.has(process)) return;
    }
    const isFault = code === "FAILED" || this.isCalm && code !== "GAP" || !this.isLiedTo;
    if (!isFault || code === "GAP" && this.mayGiveUp) return;
    this.#problem(`${process} finds fault: ${code} ${whose} ${detail}`);
  }

  /** Records that a relay breaks a rule before a process, so that the process may end. */
  breaks(process: Process): void {
    this.#broken.add(process);
  }

  /** Checks that an inviter accepts only the person to whom it has given its link. */
  accepts(inviter: Process, guest: Process, invited: string): void {
    this.#accepted.add(`${inviter} ${guest}`);
    if (personOf(guest) === invited) return;
    this.#problem(`${inviter} accepts ${guest}, whom it did not invite`);
  }

  /** Checks that a guest that is told so was accepted by its inviter. */
  isAccepted(guest: Process, inviter: Process): void {
    if (this.#accepted.has(`${inviter} ${guest}`)) return;
    this.#problem(`${guest} is told that ${inviter} has accepted it, which did not`);
  }

  endedUnasked(process: Process, reason: string): void {
    const isRight = reason === "BAD_RELAY" && this.#broken.has(process);
    if (!this.#isLiar(process) && !isRight) this.#problem(`${process} ends unasked: ${reason}`);
  }

  /** Records a moment of sealing. Returns who is excluded at that moment. */
  seals(process: Process): Sealing {
    const { leaveOut } = this.#view(process);
    const now = this.#moment++;
    return (person) => leaveOut.leftOutAt(person, now);
  }

  /** Returns whether a process excludes a person now. */
  leavesOut(process: Process, person: string): boolean {
    return this.#view(process).leaveOut.leavesOut(person);
  }

  /** Checks that only recipients could have read a message that was sealed. */
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

  /** Checks what must be true at the end, when all faults are repaired and enough time has passed. */
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

  /** The numbers of messages entered and shown. A test requires some, so that a run that does nothing fails. */
  get size(): { readonly entered: number; readonly shown: number } {
    let shown = 0;
    for (const view of this.#views.values()) shown += view.shown.length;
    return { entered: this.#entered.size, shown };
  }
}
