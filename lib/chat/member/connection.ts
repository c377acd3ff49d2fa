/**
 * One connection of a member: greeting, joining or resuming, and whether the relay still answers.
 *
 * The {@linkcode Member} outlives its connections and handles the frames of the room.
 *
 * @module
 */

import { type Bytes, concat, MalformedError, mapKey } from "../../base/bytes.ts";
import { type Rate, TokenBucket } from "../../base/clock.ts";
import { NO_RENEWAL, type OwnCredential } from "../identity/credential.ts";
import { sign } from "../identity/signing.ts";
import {
  type Challenge,
  encodeEmpty,
  encodeJoinRequest,
  encodeProven,
  encodeResumeRequest,
  joinStatement,
  type Listing,
  readBye,
  readChallenge,
  readCount,
  readRosterPage,
  type ResumeRequest,
  resumeStatement,
  type RosterPage,
} from "../wire/control.ts";
import { type Frame, FrameReader } from "../wire/frame.ts";
import { type Invitation, relayStatement, signProof } from "../wire/invitation.ts";
import {
  DEAD_AFTER_MS,
  encodeGreeting,
  type Ending,
  KIND,
  MAX_ROSTER,
  PING_AFTER_MS,
  PROTOCOL_VERSION,
  relayBound,
} from "../wire/kinds.ts";
import type { MemberOptions } from "./options.ts";

/** How many pings of a relay are answered over one connection. An honest one sends a ping after 15 s of silence. */
const PINGS: Rate = { perSecond: 1, burst: 8 };

/** How long joining may take, in milliseconds. */
export const JOIN_TIMEOUT_MS = 10_000;

const PONG: Bytes = encodeEmpty(KIND.pong);

/** The endings of a connection after which a member that was in the room tries another. */
export const MAY_TRY_AGAIN: ReadonlySet<Ending> = new Set<Ending>([
  ...["LOST", "SILENT", "SHUTDOWN", "JOIN_TIMEOUT"] as const,
  ...["TOO_MANY_PENDING", "TOO_MANY_JOINS", "TOO_MANY_FROM_ADDRESS"] as const,
]);

/** How far a member has come in a room. */
export type Stay = Pick<ResumeRequest, "room" | "received" | "sent">;

/** The member of a connection. It receives what comes. */
export interface MemberConnectionOutput {
  /** A monotonic clock in milliseconds. */
  now(): number;
  /** Returns the newest renewal of the credential. */
  renewal(): Promise<Bytes>;
  /** Bytes for the relay. */
  send(bytes: Bytes): void;
  /** Returns how far the member has come in a room; undefined if it is to join anew. */
  stay(): Stay | undefined;
  /** The relay no longer knows the member's stay. */
  forgotten(): void;
  /** The relay has admitted the member. It keeps members whose connection is lost for `graceMs`. */
  admitted(admitted: Admitted, graceMs: number): void;
  /** The relay has resumed the member's stay, and has `count` of its counted frames. */
  resumed(count: number): void;
  /** A frame that is valid only after admission. */
  take(frame: Frame): void;
  /** The relay ends the connection. `graceMs` is 0 if it has not sent a challenge. */
  bye(reason: Ending, graceMs: number): void;
  /** The relay is silent for too long. */
  silent(detail: string): void;
  /** The received bytes are not this protocol, or break its rules. */
  broken(reason: "TLS_SPOKEN" | "NOT_A_RELAY" | "BAD_RELAY", detail: string): void;
  /** An exception that no input explains. */
  failed(error: unknown): void;
}

/** A connection of a member. */
export class MemberConnection {
  readonly #options: MemberOptions;
  readonly #output: MemberConnectionOutput;
  readonly #reader = new FrameReader(relayBound);
  readonly #greeting: Bytes;
  readonly #roster = new RosterPages();
  #state: "coming" | "in" | "over" = "coming";
  #challenge: Challenge | undefined;
  /** The greeting and the challenge's payload, which the proofs sign. */
  #transcript: Bytes | undefined;
  #answered: "resume" | "join" | undefined;
  readonly #pings: TokenBucket;
  #heardAt: number;
  #pinged = false;

  /** Starts before the first byte in either direction. */
  constructor(options: MemberOptions, output: MemberConnectionOutput) {
    this.#options = options;
    this.#output = output;
    this.#greeting = encodeGreeting(options.roomName ?? "");
    this.#heardAt = output.now();
    this.#pings = new TokenBucket(PINGS, this.#heardAt);
  }

  /** Whether the member is in the room over this connection. */
  get isIn(): boolean {
    return this.#state === "in";
  }

  /** Whether the relay has sent its challenge, so that it may admit the member at any moment. */
  get isChallenged(): boolean {
    return this.#challenge !== undefined;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    if (this.#state === "coming") return this.#heardAt + JOIN_TIMEOUT_MS;
    if (this.#state !== "in") return Infinity;
    return this.#heardAt + (this.#pinged ? DEAD_AFTER_MS : PING_AFTER_MS);
  }

  /** Sends the greeting. */
  greet(): void {
    this.#output.send(this.#greeting);
  }

  /** The member is in the room: what comes from here on belongs to the room. */
  enter(): void {
    this.#state = "in";
    this.#heardAt = this.#output.now();
  }

  /** The connection is of no further use. What still comes is ignored. */
  over(): void {
    this.#state = "over";
  }

  /** Receives bytes. The memory may be reused afterwards. */
  receive(chunk: Bytes): void {
    if (this.#state === "over") return;
    try {
      this.#receive(chunk);
    } catch (error) {
      this.#output.failed(error);
    }
  }

  #receive(chunk: Bytes): void {
    if (this.#state === "in") this.#heardAt = this.#output.now();
    this.#pinged = false;
    try {
      for (const frame of this.#reader.push(chunk)) this.#take(frame);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      const foreign = this.#state === "coming" && this.#challenge === undefined;
      if (foreign && isTlsAlert(chunk)) this.#output.broken("TLS_SPOKEN", "");
      else this.#output.broken(foreign ? "NOT_A_RELAY" : "BAD_RELAY", error.message);
    }
  }

  /** Sends a ping to a silent relay, and gives it up if it stays silent. */
  tick(): void {
    const silent = this.#output.now() - this.#heardAt;
    if (this.#state === "coming" && silent >= JOIN_TIMEOUT_MS) {
      this.#output.silent(`${JOIN_TIMEOUT_MS / 1000} s have passed`);
    } else if (this.#state === "in" && silent >= DEAD_AFTER_MS) {
      this.#output.silent(`nothing has come for ${DEAD_AFTER_MS / 1000} s`);
    } else if (this.#state === "in" && silent >= PING_AFTER_MS && !this.#pinged) {
      this.#pinged = true;
      this.#output.send(encodeEmpty(KIND.ping));
    }
  }

  #take(frame: Frame): void {
    if (this.#state === "over") return;
    if (frame.kind === KIND.bye) {
      this.#output.bye(readBye(frame.payload), this.#challenge?.graceMs ?? 0);
    } else if (frame.kind === KIND.ping) this.#pong();
    else if (this.#state === "coming") this.#comeCloser(frame);
    else if (frame.kind !== KIND.pong) this.#output.take(frame);
  }

  /** Answers a ping. More pings than a relay has use for are ignored. */
  #pong(): void {
    // A connection that is still joining answers nothing else than the challenge.
    if (this.#state === "in" && this.#pings.take(1, this.#output.now())) this.#output.send(PONG);
  }

  /** Takes a frame before the member is in the room. */
  #comeCloser({ kind, payload }: Frame): void {
    if (kind === KIND.challenge) return this.#challenged(payload);
    if (kind === KIND.resumed && this.#answered === "resume") {
      return this.#output.resumed(readCount(payload));
    }
    // It answers a resume. A join costs a signature, and is sent once.
    if (kind === KIND.unknown && this.#answered === "resume") {
      this.#output.forgotten();
      return this.#answer();
    }
    if (kind !== KIND.roster || this.#answered !== "join") {
      throw new MalformedError("the relay answered out of order");
    }
    const admitted = this.#roster.add(payload);
    if (admitted !== undefined) this.#output.admitted(admitted, this.#challenge!.graceMs);
  }

  #challenged(payload: Bytes): void {
    if (this.#challenge !== undefined) throw new MalformedError("the relay challenged twice");
    const challenge = readChallenge(payload);
    if (challenge.version !== PROTOCOL_VERSION) {
      throw new MalformedError(`the relay chose version ${challenge.version} of the protocol`);
    }
    this.#challenge = challenge;
    this.#transcript = concat([this.#greeting, payload]);
    this.#answer();
  }

  #answer(): void {
    const stay = this.#output.stay();
    this.#answered = stay === undefined ? "join" : "resume";
    const answer = stay === undefined
      ? this.#join()
      : answerByResuming(this.#options.self, this.#transcript!, stay);
    answer.then((bytes) => {
      if (this.#state === "coming") this.#output.send(bytes);
    }).catch((error) => this.#output.failed(error));
  }

  async #join(): Promise<Bytes> {
    const { self, dialled, invitation } = this.#options;
    const renewal = await this.#output.renewal();
    return await answerByJoining(self, dialled, this.#transcript!, renewal, invitation);
  }
}

/** Whether bytes start a TLS record that carries an alert (RFC 8446 section 5.1). */
function isTlsAlert(bytes: Bytes): boolean {
  return bytes[0] === 21 && bytes[1] === 3;
}

/** The room that the relay has admitted a member to. */
export interface Admitted extends Omit<RosterPage, "last"> {
  /** The member's own number. */
  readonly number: number;
}

/**
 * Answers a challenge by joining.
 *
 * @param self The credential of the member that joins.
 * @param dialled What was dialled.
 * @param transcript The greeting and the challenge's payload.
 * @param renewal The newest renewal of the credential, if there is one.
 * @param invitation The invitation by which it joins, if it does.
 * @returns The encoded frame.
 */
export async function answerByJoining(
  self: OwnCredential,
  dialled: MemberOptions["dialled"],
  transcript: Bytes,
  renewal: Bytes = NO_RENEWAL,
  invitation: Invitation | undefined = undefined,
): Promise<Bytes> {
  const invited = invitation &&
    await signProof(invitation, relayStatement(transcript, self.member));
  const credential = self.bytes;
  const request = encodeJoinRequest({ credential, renewal, dialled, invitation: invited });
  const proof = await sign(self.keys.signing.privateKey, joinStatement(transcript, request));
  return encodeProven(KIND.join, request, proof);
}

/** Answers a challenge by resuming a stay. Returns the encoded frame. */
export async function answerByResuming(
  self: OwnCredential,
  transcript: Bytes,
  stay: Stay,
): Promise<Bytes> {
  const request = encodeResumeRequest({ ...stay, member: self.member });
  const proof = await sign(self.keys.signing.privateKey, resumeStatement(transcript, request));
  return encodeProven(KIND.resume, request, proof);
}

/** The last version of a room. */
const MAX_VERSION = 0xffff_ffff;

/** Joins the pages of a roster. */
export class RosterPages {
  #first: RosterPage | undefined;
  readonly #listings: Listing[] = [];

  /**
   * Adds a page.
   *
   * @returns The whole roster after the last page; undefined before.
   * @throws {MalformedError} If the page does not fit the pages before.
   */
  add(payload: Bytes): Admitted | undefined {
    const page = readRosterPage(payload.slice());
    this.#first ??= page;
    const { room, version, context } = this.#first;
    const isSame = page.version === version && mapKey(page.room) === mapKey(room) &&
      mapKey(page.context) === mapKey(context);
    if (!isSame) throw new MalformedError("the roster changed between its pages");
    if (version === MAX_VERSION) throw new MalformedError("the room has no version left");
    for (const listing of page.listings) this.#list(listing, version);
    if (!page.last) return undefined;
    return { room, version, context, number: version + 1, listings: this.#listings };
  }

  #list(listing: Listing, version: number): void {
    const { number } = listing;
    if (number > version || number <= (this.#listings.at(-1)?.number ?? 0)) {
      throw new MalformedError("the roster is not in the order of joining");
    }
    if (this.#listings.length >= MAX_ROSTER) {
      throw new MalformedError(`the roster lists more than ${MAX_ROSTER} members`);
    }
    this.#listings.push(listing);
  }
}
