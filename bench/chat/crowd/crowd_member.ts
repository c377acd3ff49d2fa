/**
 * One member of the crowd: it joins, counts what comes, and says how much it has seen.
 *
 * @module
 */

import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { answerByJoining } from "../../../lib/chat/member/connection.ts";
import { MAX_FRAMES } from "../../../lib/chat/member/acknowledger.ts";
import { encodeCount, encodeEmpty, readBye } from "../../../lib/chat/wire/control.ts";
import { encodeGreeting, isCounted, KIND } from "../../../lib/chat/wire/kinds.ts";
import { concatBytes, hereFrame } from "../../../tests/chat/raw_frames.ts";
import { close, quickAck, sendAll } from "./libc.ts";
import { LightReader } from "./light_reader.ts";
import { KEEPS, type Listener } from "./listener.ts";

/** Where the version and the mark of the last page stand in a page of the roster. */
const VERSION_AT = 32;
const LAST_PAGE_AT = 68;
/** The length of a challenge: version, nonce and grace. */
const CHALLENGE_BYTES = 37;
/** The most bytes that come before they are acknowledged. */
const MAX_BYTES = 1 << 20;

const GREETING = encodeGreeting("");

/** What a member of the crowd is made with. */
export interface CrowdMemberOptions {
  readonly fd: number;
  readonly port: number;
  /** Joins a parley relay; without one it takes part at once, as at ncat. */
  readonly self: OwnCredential | undefined;
  /** Sends receipts. */
  readonly listener?: Listener | undefined;
  /** Called for each sealed frame. */
  readonly sealed: () => void;
  /** Called for each pair frame. */
  readonly paired?: () => void;
}

/** One connection of the crowd. */
export class CrowdMember {
  readonly fd: number;
  readonly #port: number;
  readonly #self: OwnCredential | undefined;
  readonly #listener: Listener | undefined;
  readonly #sealed: () => void;
  readonly #paired: (() => void) | undefined;
  readonly #reader: LightReader;
  /** Fulfilled once it is in. */
  readonly joined: Promise<void>;
  readonly #in: PromiseWithResolvers<void>;
  #counted = 0;
  #acknowledged = 0;
  /** The bytes that have come since the last acknowledgement. */
  #bytes = 0;
  /** The member's own number, which stands in its sealed frames; 0 before it has joined. */
  number = 0;
  /** Greets the relay. */
  constructor({ fd, port, self, listener, sealed, paired }: CrowdMemberOptions) {
    this.fd = fd;
    this.#port = port;
    this.#self = self;
    this.#listener = listener;
    this.#sealed = sealed;
    this.#paired = paired;
    this.#reader = new LightReader((kind, head) => this.#take(kind, head), listener && KEEPS);
    this.#in = Promise.withResolvers();
    this.joined = this.#in.promise;
    if (self === undefined) this.#in.resolve();
    else sendAll(fd, GREETING);
  }

  /** Whether frames have come that it has not acknowledged. */
  get owesAck(): boolean {
    return this.#self !== undefined && this.#counted > this.#acknowledged;
  }

  /** Whether so much has come that it acknowledges at once. */
  get isAckDue(): boolean {
    return this.owesAck &&
      (this.#counted - this.#acknowledged >= MAX_FRAMES || this.#bytes >= MAX_BYTES);
  }

  /** Takes what came. */
  receive(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    this.#bytes += length;
    this.#reader.take(bytes, length);
  }

  /** Acknowledges what has come. */
  acknowledge(): void {
    this.#acknowledged = this.#counted;
    this.#bytes = 0;
    sendAll(this.fd, encodeCount(KIND.ack, this.#counted));
    // A socket that sends moves its own ACKs into the relay's sends, which one that only receives never does.
    quickAck(this.fd);
  }

  /** Leaves without a statement. */
  leave(): void {
    sendAll(this.fd, encodeEmpty(KIND.leave));
    close(this.fd);
  }

  #take(kind: number, head: Uint8Array<ArrayBuffer>): void {
    if (kind === KIND.sealed) this.#sealed();
    if (kind === KIND.pair) this.#paired?.();
    this.#listener?.take(kind, head);
    if (isCounted(kind)) this.#counted += 1;
    else if (kind === KIND.challenge) this.#answer(head.slice(0, CHALLENGE_BYTES));
    else if (kind === KIND.roster && head[LAST_PAGE_AT] !== 0) this.#comeIn(head);
    else if (kind === KIND.ping) sendAll(this.fd, encodeEmpty(KIND.pong));
    else if (kind === KIND.bye) throw new Error(`the relay ended it: ${readBye(head.slice(0, 1))}`);
  }

  #answer(challenge: Uint8Array<ArrayBuffer>): void {
    const dialled = { host: "127.0.0.1", port: this.#port };
    answerByJoining(this.#self!, dialled, concatBytes(GREETING, challenge))
      .then((answer) => sendAll(this.fd, answer)).catch(this.#in.reject);
  }

  #comeIn(page: Uint8Array<ArrayBuffer>): void {
    this.number = new DataView(page.buffer, page.byteOffset).getUint32(VERSION_AT) + 1;
    this.#listener?.comeIn(this.number);
    // A relay checks its form and nothing else, and nobody else reads it here.
    sendAll(this.fd, hereFrame(this.number));
    this.#in.resolve();
  }
}
