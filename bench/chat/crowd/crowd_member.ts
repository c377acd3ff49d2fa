/**
 * One member of the crowd: it joins, counts what comes, and says how much it has seen.
 *
 * @module
 */

import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { answerChallenge } from "../../../lib/chat/member/connection.ts";
import {
  CHALLENGE_BYTES,
  encodeCount,
  encodeEmpty,
  readBye,
  readChallenge,
} from "../../../lib/chat/wire/control.ts";
import { encodeGreeting, isCounted, KIND } from "../../../lib/chat/wire/kinds.ts";
import { sendAll } from "./libc.ts";
import { LightReader } from "./light_reader.ts";

/** Where the mark of the last page stands in a page of the roster. */
const LAST_PAGE_AT = 8;

/** One connection of the crowd. */
export class CrowdMember {
  readonly fd: number;
  readonly #port: number;
  readonly #self: OwnCredential | undefined;
  readonly #sealed: () => void;
  readonly #reader: LightReader;
  /** Fulfilled once it is in. */
  readonly joined: Promise<void>;
  readonly #in: PromiseWithResolvers<void>;
  #counted = 0;
  #acknowledged = 0;

  /**
   * Joins a parley relay with a credential; without one it takes part at once, as at ncat.
   *
   * @param sealed Hears of each sealed frame.
   */
  constructor(fd: number, port: number, self: OwnCredential | undefined, sealed: () => void) {
    this.fd = fd;
    this.#port = port;
    this.#self = self;
    this.#sealed = sealed;
    this.#reader = new LightReader((kind, head) => this.#take(kind, head));
    this.#in = Promise.withResolvers();
    this.joined = this.#in.promise;
    if (self === undefined) this.#in.resolve();
    else sendAll(fd, encodeGreeting());
  }

  /** How many frames it has seen and not said so. */
  get unsaid(): number {
    return this.#self === undefined ? 0 : this.#counted - this.#acknowledged;
  }

  /** Takes what came. */
  receive(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    this.#reader.take(bytes, length);
  }

  /** Says how much it has seen. */
  acknowledge(): void {
    this.#acknowledged = this.#counted;
    sendAll(this.fd, encodeCount(KIND.ack, this.#counted));
  }

  #take(kind: number, head: Uint8Array<ArrayBuffer>): void {
    if (kind === KIND.sealed) this.#sealed();
    if (isCounted(kind)) this.#counted += 1;
    else if (kind === KIND.challenge) this.#answer(head.slice(0, CHALLENGE_BYTES));
    else if (kind === KIND.roster && head[LAST_PAGE_AT] !== 0) this.#in.resolve();
    else if (kind === KIND.ping) sendAll(this.fd, encodeEmpty(KIND.pong));
    else if (kind === KIND.bye) throw new Error(`the relay ended it: ${readBye(head.slice(0, 1))}`);
  }

  #answer(challenge: Uint8Array<ArrayBuffer>): void {
    const { room, nonce } = readChallenge(challenge);
    answerChallenge(this.#self!, { host: "127.0.0.1", port: this.#port }, room, nonce)
      .then((answer) => sendAll(this.fd, answer)).catch(this.#in.reject);
  }
}
