/**
 * A connection on its way into a relay's room: greeting, challenge, and a join or a resume that is checked.
 *
 * The other side of it is the member's, in `admission.ts`.
 *
 * @module
 */

import { type Bytes, MalformedError, type Random, sha256 } from "../../base/bytes.ts";
import {
  type Credential,
  type CredentialCheck,
  CredentialError,
  joinStatement,
} from "../identity/credential.ts";
import { verify } from "../identity/signing.ts";
import {
  encodeChallenge,
  encodeEmpty,
  type Evidence,
  type Join,
  readJoin,
  readResume,
  type Resume,
  resumeStatement,
} from "../wire/control.ts";
import { type Frame, FrameError } from "../wire/frame.ts";
import {
  HASH_BYTES,
  KIND,
  MAX_GREETING_BYTES,
  PROTOCOL_VERSION,
  readGreeting,
  type Reason,
} from "../wire/kinds.ts";
import type { EntryRules } from "./admission_control.ts";
import type { RoomMember } from "./room_member.ts";

const EMPTY: Bytes = new Uint8Array(0);

/** What a newcomer needs of the relay. */
export interface NewcomerRelay {
  /** The room's id. */
  readonly room: Bytes;
  /** How long a member whose connection is lost is kept, in milliseconds. */
  readonly graceMs: number;
  /** Where nonces come from. */
  readonly random: Random;
  /** The time in milliseconds since 1970, for credentials. */
  readonly now: () => number;
  /** Checks a credential. */
  readonly check: CredentialCheck;
  /** Who may come in, whoever is there. */
  readonly rules: EntryRules;
  /** Whether nobody new can come in. */
  readonly isFull: boolean;
  /** The member of a hash. */
  member(hash: Bytes): RoomMember | undefined;
}

/** What comes of a newcomer. */
export interface NewcomerOutput {
  /** Bytes for it. */
  send(bytes: Bytes): void;
  /** It is who it says, and may come in, as far as that depends on nobody else. */
  join(credential: Credential, evidence: Evidence): void;
  /** It is a member who goes on after so many frames. */
  resume(member: RoomMember, counts: Resume): void;
}

/** A newcomer. What is wrong with it is thrown. */
export class Newcomer {
  readonly #relay: NewcomerRelay;
  readonly #output: NewcomerOutput;
  readonly #nonce: Bytes;
  #state: "greeting" | "challenged" | "unknown" | "checking" | "over" = "greeting";
  #greeting = EMPTY;
  #join: Join | undefined;

  /** Starts before the connection's first byte. */
  constructor(relay: NewcomerRelay, output: NewcomerOutput) {
    this.#relay = relay;
    this.#output = output;
    this.#nonce = relay.random(HASH_BYTES);
  }

  /** It is in, or its connection has ended: what is still being checked comes to nothing. */
  over(): void {
    this.#state = "over";
  }

  /**
   * Reads the greeting, and challenges whoever sent it.
   *
   * @returns What came behind it; all of it, once there was a greeting.
   * @throws {EndError} Where it is none, or of other versions only.
   */
  greet(chunk: Bytes): Bytes {
    if (this.#state !== "greeting") return chunk;
    const bytes = new Uint8Array(this.#greeting.length + chunk.length);
    bytes.set(this.#greeting);
    bytes.set(chunk, this.#greeting.length);
    const greeting = readGreeting(bytes);
    if (greeting.state === "foreign") throw new EndError("NOT_PARLEY", "no greeting");
    if (greeting.state === "partial") {
      // Shorter than a whole greeting, or it would not be partial.
      this.#greeting = bytes.slice(0, MAX_GREETING_BYTES);
      return EMPTY;
    }
    if (!greeting.versions.includes(PROTOCOL_VERSION)) {
      throw new EndError("VERSION", `versions ${greeting.versions.join(", ")}`);
    }
    this.#greeting = EMPTY;
    this.#state = "challenged";
    const { room, graceMs } = this.#relay;
    const nonce = this.#nonce;
    this.#output.send(encodeChallenge({ version: PROTOCOL_VERSION, room, nonce, graceMs }));
    return bytes.subarray(greeting.length);
  }

  /**
   * Takes its answer to the challenge.
   *
   * @returns A resume that is being checked from now on; undefined for a join, which waits for
   * {@linkcode checkJoin}.
   * @throws {EndError} Where it has answered already.
   * @throws {MalformedError} Where it is no answer.
   */
  answer({ kind, payload }: Frame): Promise<void> | undefined {
    if (this.#state === "unknown" && kind === KIND.resume) {
      throw new EndError("OUT_OF_ORDER", "resumed twice");
    }
    if (this.#state !== "challenged" && this.#state !== "unknown") {
      throw new EndError("OUT_OF_ORDER", "joined twice");
    }
    if (kind === KIND.resume) return this.#checkResume(readResume(payload.slice()));
    this.#join = readJoin(payload.slice());
    this.#state = "checking";
    return undefined;
  }

  async #checkResume(resume: Resume): Promise<void> {
    const member = this.#relay.member(resume.member);
    if (member === undefined) return this.#doesNotKnow();
    this.#state = "checking";
    const statement = resumeStatement(this.#relay.room, this.#nonce, resume);
    const holds = await verify(member.credential.signing, resume.proof, statement);
    if (this.#state !== "checking") return;
    // Who cannot prove to be a member does not hear that there is one.
    if (!holds || this.#relay.member(resume.member) !== member) return this.#doesNotKnow();
    this.#output.resume(member, resume);
  }

  /** There is no such member: all that may come now is a join. */
  #doesNotKnow(): void {
    this.#state = "unknown";
    this.#output.send(encodeEmpty(KIND.unknown));
  }

  /**
   * Checks its join: its turn has come.
   *
   * @throws {EndError} Where it cannot come in.
   * @throws {CredentialError} Where its credential does not hold.
   */
  async checkJoin(): Promise<void> {
    const join = this.#join!;
    this.#join = undefined;
    // A full room is no reason to check anything, but for who may be in it already; a list of who may
    // come in is: whoever is not on it does not hear that the room is full.
    if (
      !this.#relay.rules.isRestricted && this.#relay.isFull &&
      this.#relay.member(await sha256(join.credential)) === undefined
    ) {
      throw new EndError("ROOM_FULL");
    }
    const credential = await this.#relay.check(join.credential, this.#relay.now(), join.renewal);
    const { room } = this.#relay;
    const statement = joinStatement(room, this.#nonce, join.dialled, credential.member);
    const holds = await verify(credential.signing, join.proof, statement);
    if (this.#state !== "checking") return;
    if (!holds) throw new EndError("BAD_PROOF");
    if (!this.#relay.rules.allowsName(join.dialled)) {
      const { host, port } = join.dialled;
      throw new EndError("BAD_PROOF", `it dialled ${host}, port ${port}`);
    }
    // Before anything that depends on who is there, in the answer or in the time that it takes.
    if (!this.#relay.rules.allows(credential.fingerprint)) {
      throw new EndError("NOT_ALLOWED", `${credential.name} ${credential.fingerprint}`);
    }
    // Copied, or the whole record would be kept with it.
    this.#output.join(credential, {
      presence: join.presence.slice(),
      renewal: join.renewal.slice(),
    });
  }
}

/** Why a connection ends: thrown where it is found, caught at the connection's edge. */
export class EndError extends Error {
  /** Ends it for a reason; the message is for whoever runs the relay. */
  constructor(readonly reason: Reason, message = "") {
    super(message);
    this.name = "EndError";
  }
}

/**
 * The reason that an error ends a connection with.
 *
 * @param unexpected Hears of an error that is no fault found in what came.
 * @returns The reason, and what is said of it to whoever runs the relay.
 */
export function endOf(error: unknown, unexpected: (error: unknown) => void): [Reason, string] {
  if (error instanceof EndError) return [error.reason, error.message];
  if (error instanceof CredentialError) return [error.code, error.message];
  if (error instanceof MalformedError) return ["BAD_FRAME", error.message];
  if (error instanceof FrameError) {
    return [error.code === "FRAME_TOO_LARGE" ? "TOO_LARGE" : "BAD_FRAME", error.message];
  }
  unexpected(error);
  return ["SHUTDOWN", "an internal error"];
}
