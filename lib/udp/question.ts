/**
 * One question and the datagrams that come in for it.
 *
 * A reply of the tutorial's protocol carries nothing to match it by. So each question has a port of its own,
 * and what comes to that port is judged by who sent it and by what came before.
 *
 * @module
 */

import { sameAddress } from "./address.ts";

/**
 * What a datagram is to a question:
 *
 * - `answer`: it is taken as the reply
 * - `forged`: it comes from another address or port than was asked, and is not taken
 * - `duplicate`: its sender has answered already
 * - `late`: the question was given up, or somebody else was believed, before it came
 */
export type Verdict = "answer" | "forged" | "duplicate" | "late";

/** A question that has been sent to a server. */
export class Question {
  readonly #server: Deno.NetAddr;
  readonly #promiscuous: boolean;
  #answeredBy: Deno.NetAddr | undefined;
  #givenUp = false;

  /**
   * @param server Who is asked.
   * @param promiscuous Whether anybody may answer.
   */
  constructor(server: Deno.NetAddr, promiscuous: boolean) {
    this.#server = server;
    this.#promiscuous = promiscuous;
  }

  /** Waits no longer: what comes from now on is late. */
  giveUp(): void {
    this.#givenUp = true;
  }

  /** Judges a datagram by its sender, in the order in which they come. */
  judge(from: Deno.NetAddr): Verdict {
    if (!this.#promiscuous && !sameAddress(from, this.#server)) return "forged";
    if (this.#answeredBy !== undefined) {
      return sameAddress(from, this.#answeredBy) ? "duplicate" : "late";
    }
    if (this.#givenUp) return "late";
    this.#answeredBy = from;
    return "answer";
  }
}
