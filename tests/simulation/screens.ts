/**
 * What members tell their persons: it is checked as it comes, and shown on a screen that may be slow.
 *
 * @module
 */

import type { MemberEvent } from "../../lib/chat/member/options.ts";
import { type Build, withoutMissed } from "./build.ts";
import { type Checker, lineOf } from "./checker.ts";
import type { VirtualClock } from "./clock.ts";
import { stayKey } from "./lying_stay.ts";
import type { Inviting } from "./inviting.ts";
import type { Network } from "./network.ts";
import { type Process, processOf } from "./process.ts";
import type { Relays } from "./relays.ts";

/** Returns an event in a few words, for those who look at a run. */
function inWords(event: MemberEvent): string {
  const fields = Object.entries(event).map(([name, value]) => {
    if (name === "peer" || name === "from") return value?.credential.name;
    if (name === "line") return lineOf(value.text);
    if (name === "text") return lineOf(value);
    return ["kind", "room", "self", "id", "time"].includes(name) ? "" : JSON.stringify(value);
  });
  return [event.kind, ...fields.filter((field) => field !== "")].join(" ");
}

/** What screens need of the world. */
interface Surroundings {
  readonly build: Build;
  readonly clock: VirtualClock;
  readonly checker: Checker;
  readonly network: Network;
  readonly relays: Relays;
  readonly processes: readonly Process[];
  /** Hears of notices too; undefined in runs in which nobody invites. */
  readonly inviting: Inviting | undefined;
  /** Has a machine do something. */
  do(actor: string, run: () => void): void;
  /** Adds to the trace. */
  log(what: string): void;
  /** Tells those who look at a run. */
  tell(what: string): void;
}

/** The screens of all persons. */
export class Screens {
  readonly #at: Surroundings;

  constructor(at: Surroundings) {
    this.#at = at;
  }

  #processOf(key: string): string {
    return processOf(this.#at.processes, key);
  }

  /** A member tells its person something. */
  told(process: Process, told: MemberEvent): void {
    const event = this.#at.build.silent === true && "missed" in told ? withoutMissed(told) : told;
    process.events.push(event);
    if (this.#at.build.tell !== undefined) {
      this.#at.tell(`${process.name} is told ${inWords(event)}`);
    }
    const count = process.events.length;
    if ("room" in event) process.room = event.room;
    this.#at.inviting?.told(process, event);
    if (event.kind === "confirmed") {
      const { credential, number } = event.peer;
      const whose = this.#processOf(credential.key);
      const own = process.member.roster.get(process.self.key)!.number;
      this.#at.checker.confirmed(process.name, whose, stayKey(process.room, own), number);
    }
    if (event.kind === "left") {
      const whose = this.#processOf(event.peer.credential.key);
      this.#at.checker.toldLeave(process.name, whose, event.signed);
    }
    if (event.kind === "fault") {
      const whose = event.peer && this.#processOf(event.peer.credential.key);
      this.#at.checker.fault(process.name, event.code, whose, event.detail);
    }
    if (event.kind === "reconnected" || event.kind === "ready") process.attempt = 0;
    if (event.kind === "delivered" || event.kind === "unheard") {
      const missed = (event.missed ?? []).map(({ name }) => name);
      this.#at.checker.delivered(process.name, lineOf(event.line.text), missed);
    }
    if (event.kind === "reconnected" && this.#at.relays.givenUp.delete(process.name)) {
      this.#at.checker.cameBack(process.name, event.missed !== undefined);
    }
    if (event.kind === "ended") this.#ended(process, event.reason);
    if (this.#at.build.hasty === true) queueMicrotask(() => process.member.displayed(count));
    if (process.screenDelay === 0) queueMicrotask(() => this.#display(process, count));
    else {
      this.#at.clock.after(process.screenDelay, () => {
        if (process.alive) this.#at.do(process.name, () => this.#display(process, count));
      });
    }
  }

  #ended(process: Process, reason: string): void {
    // A first connection that is lost is a failure at once, and said so.
    const wasIn = process.events.some(({ kind }) => kind === "ready");
    if (process.alive && !process.leaving && wasIn) {
      this.#at.checker.endedUnasked(process.name, reason);
    }
    process.alive = false;
    this.#at.checker.stopped(process.name);
    if (process.connection !== undefined) this.#at.network.break(process.connection, true, false);
    process.connection = undefined;
  }

  /** The screen shows what it was told, up to an event. */
  #display(process: Process, count: number): void {
    if (!process.alive && !process.leaving) return;
    for (; process.displayed < count; process.displayed++) {
      const event = process.events[process.displayed]!;
      if (event.kind === "joined") {
        process.trust.meet(event.peer);
        this.#at.checker.displayedJoin(process.name, this.#processOf(event.peer.credential.key));
      } else if (event.kind === "left") {
        this.#at.checker.displayedLeave(process.name, this.#processOf(event.peer.credential.key));
      } else if (event.kind === "message") {
        const from = this.#processOf(event.from.credential.key);
        const line = lineOf(event.text);
        this.#at.checker.displayedMessage(process.name, line, from, event);
        this.#at.log(`${process.name} shows ${line}`);
      }
    }
    process.member.displayed(count);
  }
}
