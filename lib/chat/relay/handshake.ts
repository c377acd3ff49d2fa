/**
 * The relay's side of a handshake: greeting, challenge, and a join or a resume whose proof is verified.
 *
 * @module
 */

import { type Bytes, concat, MalformedError, mapKey } from "../../base/bytes.ts";
import { CredentialError } from "../identity/credential.ts";
import { verify } from "../identity/signing.ts";
import {
  encodeChallengePayload,
  encodeEmpty,
  type Join,
  joinStatement,
  readJoin,
  readResume,
  type Resume,
  resumeStatement,
} from "../wire/control.ts";
import { readLeavePayload } from "../wire/history.ts";
import { encodeFrame, type Frame, FrameError } from "../wire/frame.ts";
import { relayStatement, verifyProof } from "../wire/invitation.ts";
import {
  HASH_BYTES,
  KIND,
  MAX_GREETING_BYTES,
  PROTOCOL_VERSION,
  readGreeting,
  type Reason,
} from "../wire/kinds.ts";
import type { Newcomer, RelayContext, Stay } from "./member.ts";

const EMPTY: Bytes = new Uint8Array(0);

/** The handshake of one connection. It throws if the connection must end. Its checks go on if the connection ends. */
export class Handshake {
  readonly #relay: RelayContext;
  readonly #send: (bytes: Bytes) => void;
  readonly #nonce: Bytes;
  #state: "greeting" | "challenged" | "unknown" | "checking" = "greeting";
  #greeting = EMPTY;
  #transcript = EMPTY;
  /** The name of the room, once the greeting has come. */
  roomName = "";
  #join: Join | undefined;

  /** Starts before the connection's first byte. */
  constructor(relay: RelayContext, send: (bytes: Bytes) => void) {
    this.#relay = relay;
    this.#send = send;
    this.#nonce = relay.random(HASH_BYTES);
  }

  /**
   * Reads the greeting and answers it with the challenge. The challenge does not depend on the room.
   *
   * @returns What follows the greeting.
   * @throws {EndError} If it is no greeting, or not one that the relay accepts.
   */
  greet(chunk: Bytes): Bytes {
    if (this.#state !== "greeting") return chunk;
    const bytes = concat([this.#greeting, chunk]);
    const greeting = readGreeting(bytes);
    if (greeting.state === "foreign") throw new EndError("NOT_PARLEY", "no greeting");
    if (greeting.state === "partial") {
      this.#greeting = bytes.slice(0, MAX_GREETING_BYTES);
      return EMPTY;
    }
    const { versions, roomName, length } = greeting;
    if (!versions.includes(PROTOCOL_VERSION)) {
      throw new EndError("VERSION", `versions ${versions.join(", ")}`);
    }
    if (roomName === undefined) throw new EndError("BAD_ROOM");
    const { graceMs } = this.#relay;
    const challenge = { version: PROTOCOL_VERSION, nonce: this.#nonce, graceMs };
    const payload = encodeChallengePayload(challenge);
    this.#transcript = concat([bytes.subarray(0, length), payload]);
    this.#greeting = EMPTY;
    this.roomName = roomName;
    this.#state = "challenged";
    this.#send(encodeFrame(KIND.challenge, payload));
    return bytes.subarray(length);
  }

  /**
   * Takes the answer to the challenge.
   *
   * @returns A resume, for {@linkcode checkResume}; undefined for a join, which waits for {@linkcode checkJoin}.
   * @throws {EndError} If the connection has answered before.
   * @throws {MalformedError} If it is no answer.
   */
  answer({ kind, payload }: Frame): Resume | undefined {
    if (kind === KIND.leave) {
      throw readLeavePayload(payload) === undefined
        ? new EndError("LEFT")
        : new EndError("BAD_FRAME", "a leave with a statement before joining");
    }
    const mayAnswer = this.#state === "challenged" || this.#state === "unknown";
    if (!mayAnswer || this.#state === "unknown" && kind === KIND.resume) {
      throw new EndError("OUT_OF_ORDER", "a second answer to the challenge");
    }
    if (kind === KIND.resume) return readResume(payload.slice());
    this.#join = readJoin(payload.slice());
    this.#state = "checking";
    return undefined;
  }

  /**
   * Checks a resume.
   *
   * @param resumes Takes the stay that the connection resumes. If there is none, the connection is told.
   */
  async checkResume(resume: Resume, resumes: (stay: Stay) => void): Promise<void> {
    const find = () => this.#relay.stayIn(this.roomName, resume.room, mapKey(resume.member));
    const stay = find();
    this.#state = "checking";
    const statement = resumeStatement(this.#transcript, resume.signed);
    const holds = stay !== undefined &&
      await verify(stay.credential.signing, resume.proof, statement);
    // Without a valid proof, the answer is the same as if there were no such member.
    if (holds && find() === stay) return resumes(stay);
    this.#state = "unknown";
    this.#send(encodeEmpty(KIND.unknown));
  }

  /**
   * Checks the join, when its turn has come.
   *
   * @returns Who joins: it is who it says, and may join as far as that depends on nobody else.
   * @throws {EndError} If it is refused.
   * @throws {CredentialError} If its credential does not hold.
   */
  async checkJoin(): Promise<Newcomer> {
    const { credential: bytes, renewal, dialled, invitation, signed, proof } = this.#join!;
    this.#join = undefined;
    const { check, now, rules } = this.#relay;
    const credential = await check(bytes, now(), renewal);
    const statement = joinStatement(this.#transcript, signed);
    const [holds, isInvited] = await Promise.all([
      verify(credential.signing, proof, statement),
      // Also with a key that is not known: the time tells nothing.
      invitation !== undefined &&
      verifyProof(invitation, relayStatement(this.#transcript, credential.member)),
    ]);
    if (!holds) throw new EndError("BAD_PROOF");
    if (!rules.allowsName(dialled)) {
      throw new EndError("BAD_PROOF", `it dialled ${dialled.host}, port ${dialled.port}`);
    }
    // Before anything that depends on rooms and members, so that neither answer nor time tells of them. The room asks
    // again when it takes the newcomer in: that may be later.
    const key = isInvited ? invitation!.publicKey : undefined;
    const obstacle = rules.obstacle(credential, key, this.roomName);
    if (obstacle !== undefined) {
      throw new EndError(obstacle, `${credential.name} ${credential.fingerprint}`);
    }
    return { credential, renewal: renewal.slice(), invitation: key };
  }
}

/** Ends a connection with a reason. The message is for whoever runs the relay. */
export class EndError extends Error {
  /** @param reason What the connection is told. */
  constructor(readonly reason: Reason, message = "") {
    super(message);
    this.name = "EndError";
  }
}

/**
 * Returns the reason with which an error ends a connection, and its detail for whoever runs the relay.
 *
 * @param unexpected Receives an error that is no fault of what came.
 */
export function endOf(error: unknown, unexpected: (error: unknown) => void): [Reason, string] {
  if (error instanceof EndError) return [error.reason, error.message];
  if (error instanceof CredentialError) return [error.code, error.message];
  const isTooLarge = error instanceof FrameError && error.code === "FRAME_TOO_LARGE";
  if (isTooLarge) return ["TOO_LARGE", error.message];
  if (error instanceof MalformedError) return ["BAD_FRAME", error.message];
  unexpected(error);
  return ["SHUTDOWN", "an internal error"];
}
