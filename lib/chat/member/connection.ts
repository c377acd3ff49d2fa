/**
 * One connection of a member: greeting, joining or resuming, and whether the relay still answers.
 *
 * The relay's side is in `lib/chat/relay/handshake.ts` and `lib/chat/relay/connection.ts`. The {@linkcode Member} outlives
 * its connections and handles the frames of the room.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { Account } from "../../base/costs.ts";
import { joinStatement, type OwnCredential, presenceStatement } from "../identity/credential.ts";
import { NO_RENEWAL } from "../identity/renewal.ts";
import { sign } from "../identity/signing.ts";
import {
  type Challenge,
  encodeEmpty,
  encodeJoin,
  encodeResume,
  type Listing,
  readBye,
  readChallenge,
  readCount,
  readRosterPage,
  resumeStatement,
} from "../wire/control.ts";
import { type Frame, FrameError, FrameReader } from "../wire/frame.ts";
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
import { RELAY_TARIFF, type RelayCost } from "./peer_inbox.ts";

/** How long joining may take, in milliseconds. */
export const JOIN_TIMEOUT_MS = 10_000;

const PONG: Bytes = encodeEmpty(KIND.pong);

/** Who connects. */
export interface MemberConnectionOptions {
  readonly self: OwnCredential;
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The newest renewal of its credential, which holds. */
  readonly renewal: () => Promise<Bytes>;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/** What a connection needs of the member around it. */
export interface MemberConnectionOutput {
  /** Bytes for the relay. */
  send(bytes: Bytes): void;
  /** How far this member has come in a room; undefined where it does not go on there. */
  progressIn(room: Bytes): { readonly received: number; readonly sent: number } | undefined;
  /** The relay no longer knows this member: it joins anew. */
  forgotten(): void;
  /** The relay has let it into a room, and waits so long, in milliseconds, for those who lose their connection. */
  admitted(admitted: Admitted, graceMs: number): void;
  /** The relay goes on with it, from which it has so many counted frames. */
  resumed(count: number): void;
  /** A frame that has its place in the room only. */
  take(frame: Frame): void;
  /**
   * The relay ends the connection.
   *
   * @param reason Why.
   * @param graceMs How long it waits for those who lose their connection, in milliseconds; 0 where it has not said so.
   */
  bye(reason: Ending, graceMs: number): void;
  /** The relay says nothing any longer. */
  silent(detail: string): void;
  /** What came is not what a relay of this protocol says. */
  broken(reason: "TLS_SPOKEN" | "NOT_A_RELAY" | "BAD_RELAY", detail: string): void;
  /** An exception that no input explains. */
  failed(error: unknown): void;
}

/** A connection of a member. */
export class MemberConnection {
  readonly #options: MemberConnectionOptions;
  readonly #output: MemberConnectionOutput;
  readonly #reader = new FrameReader(relayBound);
  readonly #admission = new Admission();
  #state: "coming" | "in" | "over" = "coming";
  #challenge: Challenge | undefined;
  /** What it has answered to the challenge. */
  #answered: "resume" | "join" | undefined;
  readonly #costs: Account<RelayCost>;
  #heardAt: number;
  #pinged = false;

  /** Starts before the first byte either way. */
  constructor(options: MemberConnectionOptions, output: MemberConnectionOutput) {
    this.#options = options;
    this.#output = output;
    this.#heardAt = options.now();
    this.#costs = new Account(RELAY_TARIFF, this.#heardAt);
  }

  /** Whether the relay has this member in its room. */
  get isIn(): boolean {
    return this.#state === "in";
  }

  /** Whether it has been challenged: the relay may let this member in at any moment, or has. */
  get isChallenged(): boolean {
    return this.#challenge !== undefined;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    if (this.#state === "coming") return this.#heardAt + JOIN_TIMEOUT_MS;
    if (this.#state !== "in") return Infinity;
    return this.#heardAt + (this.#pinged ? DEAD_AFTER_MS : PING_AFTER_MS);
  }

  /** Speaks first. */
  greet(): void {
    this.#output.send(encodeGreeting());
  }

  /** The member has taken its place in the room: what comes from here on is the room's. */
  enter(): void {
    this.#state = "in";
    this.#heardAt = this.#options.now();
  }

  /** It is of no further use: what still comes over it is not looked at. */
  over(): void {
    this.#state = "over";
  }

  /** Takes what came. The bytes may be used again afterwards. */
  receive(chunk: Bytes): void {
    if (this.#state === "over") return;
    try {
      this.#receive(chunk);
    } catch (error) {
      this.#output.failed(error);
    }
  }

  #receive(chunk: Bytes): void {
    if (this.#state === "in") this.#heardAt = this.#options.now();
    this.#pinged = false;
    try {
      for (const frame of this.#reader.push(chunk)) this.#take(frame);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof MalformedError)) throw error;
      const foreign = this.#state === "coming" && !this.#admission.challenged;
      if (foreign && isTlsAlert(chunk)) this.#output.broken("TLS_SPOKEN", "");
      else this.#output.broken(foreign ? "NOT_A_RELAY" : "BAD_RELAY", error.message);
    }
  }

  /** Does what is due: asks a relay that is silent whether it is there, and gives up one that stays so. */
  tick(): void {
    const silent = this.#options.now() - this.#heardAt;
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

  /** Answers a ping; one more than a relay has use for is passed over. */
  #pong(): void {
    if (this.#costs.allow("ping", 1, this.#options.now())) this.#output.send(PONG);
  }

  /** Takes a frame before this member is in, or in again. */
  #comeCloser(frame: Frame): void {
    if (frame.kind === KIND.resumed) return this.#output.resumed(readCount(frame.payload));
    // It answers a resume: a join that follows it costs two signatures, and is made once.
    if (frame.kind === KIND.unknown && this.#answered === "resume") {
      this.#output.forgotten();
      return this.#answer(this.#challenge!);
    }
    const step = this.#admission.take(frame);
    if (step === undefined) return;
    if ("listings" in step) return this.#output.admitted(step, this.#challenge!.graceMs);
    this.#challenge = step;
    this.#answer(step);
  }

  #answer(challenge: Challenge): void {
    const progress = this.#output.progressIn(challenge.room);
    this.#answered = progress === undefined ? "join" : "resume";
    const answer = progress === undefined
      ? this.#join(challenge)
      : answerByResuming(this.#options.self, challenge, progress);
    answer.then((bytes) => {
      if (this.#state === "coming") this.#output.send(bytes);
    }).catch((error) => this.#output.failed(error));
  }

  async #join({ room, nonce }: Challenge): Promise<Bytes> {
    const { self, dialled, renewal } = this.#options;
    return await answerChallenge(self, dialled, room, nonce, await renewal());
  }
}

/** Whether bytes start a TLS record that carries an alert (RFC 8446 section 5.1). */
function isTlsAlert(bytes: Bytes): boolean {
  return bytes[0] === 21 && bytes[1] === 3;
}

/** What the relay has let this member into. */
export interface Admitted {
  readonly room: Bytes;
  /** The membership number that its own joining made. */
  readonly number: number;
  readonly listings: readonly Listing[];
}

/**
 * Answers a challenge.
 *
 * @param renewal The newest renewal of the credential, where there is one.
 */
export async function answerChallenge(
  self: OwnCredential,
  dialled: { readonly host: string; readonly port: number },
  room: Bytes,
  nonce: Bytes,
  renewal: Bytes = NO_RENEWAL,
): Promise<Bytes> {
  const { privateKey } = self.keys.signing;
  const [proof, presence] = await Promise.all([
    sign(privateKey, joinStatement(room, nonce, dialled, self.member)),
    sign(privateKey, presenceStatement(room, self.member)),
  ]);
  return encodeJoin({ credential: self.bytes, dialled, proof, presence, renewal });
}

/** Answers the challenge of a relay in whose room this member is, by how far it has come. */
export async function answerByResuming(
  self: OwnCredential,
  { room, nonce }: Challenge,
  counts: { readonly received: number; readonly sent: number },
): Promise<Bytes> {
  const claim = { member: self.member, ...counts };
  const statement = resumeStatement(room, nonce, claim);
  return encodeResume({ ...claim, proof: await sign(self.keys.signing.privateKey, statement) });
}

/** The frames before a member is in, in their order. */
export class Admission {
  #room: Bytes | undefined;
  #number: number | undefined;
  readonly #listings: Listing[] = [];

  /** Whether the relay has said anything yet. */
  get challenged(): boolean {
    return this.#room !== undefined;
  }

  /**
   * Takes a frame.
   *
   * @returns What to do now: answer the challenge, wait for more, or come in.
   * @throws {MalformedError} Where the frame has no place here.
   */
  take(frame: Frame): Challenge | Admitted | undefined {
    if (frame.kind === KIND.challenge) return this.#challenge(frame.payload);
    if (frame.kind !== KIND.roster || this.#room === undefined) {
      throw new MalformedError("the relay answered out of order");
    }
    return this.#page(this.#room, frame.payload);
  }

  #challenge(payload: Bytes): Challenge {
    if (this.#room !== undefined) throw new MalformedError("the relay challenged twice");
    const { version, room, nonce, graceMs } = readChallenge(payload);
    if (version !== PROTOCOL_VERSION) {
      throw new MalformedError(`the relay chose version ${version} of the protocol`);
    }
    this.#room = room.slice();
    return { version, room: this.#room, nonce: nonce.slice(), graceMs };
  }

  #page(room: Bytes, payload: Bytes): Admitted | undefined {
    const { number, last, listings } = readRosterPage(payload);
    this.#number ??= number;
    if (number !== this.#number) throw new MalformedError("the roster changed between its pages");
    for (const listing of listings) this.#list(listing, number);
    return last ? { room, number, listings: this.#listings } : undefined;
  }

  #list({ number, credential, presence, renewal }: Listing, own: number): void {
    if (number >= own || number <= (this.#listings.at(-1)?.number ?? 0)) {
      throw new MalformedError("the roster is not in the order of joining");
    }
    if (this.#listings.length >= MAX_ROSTER) {
      throw new MalformedError(`the roster lists more than ${MAX_ROSTER} members`);
    }
    this.#listings.push({
      number,
      credential: credential.slice(),
      presence: presence.slice(),
      renewal: renewal.slice(),
    });
  }
}
