/**
 * How a member comes into a room: challenge, answer, roster.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { joinStatement, type OwnCredential, presenceStatement } from "../identity/credential.ts";
import { NO_RENEWAL } from "../identity/renewal.ts";
import { sign } from "../identity/signing.ts";
import {
  type Challenge,
  encodeJoin,
  encodeResume,
  type Listing,
  readChallenge,
  readRosterPage,
  resumeStatement,
} from "../wire/control.ts";
import type { Frame } from "../wire/frame.ts";
import { KIND, MAX_ROSTER, PROTOCOL_VERSION } from "../wire/kinds.ts";

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
