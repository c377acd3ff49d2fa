/**
 * A connection to a relay that sends whatever a test wants.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import type { Link } from "../../lib/chat/link.ts";
import { Admission, answerChallenge } from "../../lib/chat/member/connection.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import { type Challenge, readBye } from "../../lib/chat/wire/control.ts";
import { FrameReader } from "../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, KIND, type Reason } from "../../lib/chat/wire/kinds.ts";
import { linkToRelay } from "./links.ts";
import { until } from "./room.ts";

const DIALLED = { host: "room.test", port: 4396 };

/** A connection, and what came over it. */
export class RawMember {
  readonly received: { kind: number; payload: Bytes; bytes: Bytes }[] = [];
  readonly #link: Link;
  readonly #reader = new FrameReader(() => BOUND.frame);
  ended = false;

  constructor(relay: Relay) {
    this.#link = linkToRelay(relay, {
      receive: (bytes) => {
        for (const { kind, payload, bytes: whole } of this.#reader.push(bytes)) {
          this.received.push({ kind, payload: payload.slice(), bytes: whole.slice() });
        }
      },
      disconnected: () => this.ended = true,
    });
  }

  /** Joins with a credential. */
  static async join(relay: Relay, self: OwnCredential): Promise<RawMember> {
    const member = new RawMember(relay);
    await member.answer(self);
    await until(() => member.frames(KIND.roster).length > 0 || member.ended, "it is in");
    return member;
  }

  /** Greets, and waits for the challenge. */
  async challenge(): Promise<Challenge> {
    this.send(encodeGreeting());
    await until(() => this.received.length > 0, "the relay challenges");
    const step = new Admission().take(this.received[0]!);
    if (step === undefined || !("nonce" in step)) throw new Error("no challenge came");
    return step;
  }

  /** Greets, and answers the challenge with a credential. */
  async answer(self: OwnCredential): Promise<void> {
    const { room, nonce } = await this.challenge();
    this.send(await answerChallenge(self, DIALLED, room, nonce));
  }

  send(bytes: Bytes): void {
    this.#link.send(bytes);
  }

  close(): void {
    this.#link.close();
  }

  /** The payloads of a kind that came. */
  frames(kind: number): Bytes[] {
    return this.received.filter((frame) => frame.kind === kind).map((frame) => frame.payload);
  }

  /** The relay's last word. */
  get bye(): Reason | undefined {
    const [payload] = this.frames(KIND.bye);
    return payload === undefined ? undefined : readBye(payload);
  }
}
