/**
 * Invitations in the simulation: one person invites another by a link, and a third, who knows everything but the
 * secret, replays, reflects and makes up what guests and inviters say.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import {
  Invitations,
  InvitedGuest,
  type MadeInvitation,
} from "../../lib/chat/trust/invitations.ts";
import {
  encodeInvitationNotice,
  type Invitation,
  inviterOf,
  openInvitation,
} from "../../lib/chat/wire/invitation.ts";
import { type Checker, personOf } from "./checker.ts";
import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";
import type { Process } from "./process.ts";
import { fingerprintOf } from "./stand_in_credentials.ts";

/** Who invites whom. */
export const [INVITER, GUEST] = ["m1", "m2"] as const;
/**
 * So long after a guest has sent a proof, the inviter has acknowledged it, in virtual milliseconds: it takes up to 3 s to
 * the relay, 3 s to the inviter, 1 s until that acknowledges, and 3 s back.
 */
export const PROOF_MS = 10_000;
/** So many bodies are remembered, to be sent again. */
const REMEMBERED = 40;

/** What invitations need of the world. */
export interface InvitingOptions {
  readonly clock: VirtualClock;
  readonly chance: Generator;
  readonly checker: Checker;
  /** Returns the name of the process whose member's hash is a map key. */
  readonly processOf: (key: string) => string;
  readonly fail: (error: unknown) => void;
}

/** The invitation of one run. */
export class Inviting {
  /** How often a guest was told that it is accepted. */
  accepted = 0;
  /** When a guest last sent a proof. */
  #provedAt = -Infinity;
  readonly #options: InvitingOptions;
  readonly #invitations: Invitations;
  readonly #guests = new Map<Process, InvitedGuest>();
  /** What was said, as if the one who lies could open it. */
  readonly #bodies: Bytes[] = [];
  #made: MadeInvitation | undefined;
  #invitation: Invitation | undefined;

  constructor(options: InvitingOptions) {
    this.#options = options;
    const { clock, chance } = options;
    this.#invitations = new Invitations({ now: clock.date, random: chance.bytes });
  }

  /** Makes the invitation, which goes to the guest some other way. */
  async open(): Promise<void> {
    this.#made = await this.#invitations.make({ room: "", many: true, lifeMs: Infinity });
    this.#invitation = await openInvitation(this.#made!.secret);
  }

  /** Whether a proof may still be on its way. */
  get isProving(): boolean {
    return this.#options.clock.now() - this.#provedAt < PROOF_MS;
  }

  /** A process starts. */
  start(process: Process): void {
    if (personOf(process.name) !== GUEST) return;
    const { clock, checker, processOf, fail } = this.#options;
    const guest = new InvitedGuest({
      invitation: this.#invitation!,
      inviter: inviterOf(fingerprintOf(INVITER)),
      now: clock.now,
      send: (peer, body) => {
        const isSent = this.#send(process, peer, body);
        if (isSent) this.#provedAt = clock.now();
        return isSent;
      },
      event: ({ kind, inviter }) => {
        if (kind !== "accepted") return;
        this.accepted += 1;
        checker.isAccepted(process.name, processOf(inviter.credential.key));
      },
      wake: () => {},
      failed: fail,
    });
    this.#guests.set(process, guest);
  }

  #send(process: Process, peer: Parameters<Process["member"]["sendNotice"]>[0], body: Bytes) {
    this.#bodies.push(body);
    if (this.#bodies.length > REMEMBERED) this.#bodies.shift();
    return process.member.sendNotice(peer, "invitation", body);
  }

  /** When {@linkcode tick} has something to do for a process. */
  wakeAt(process: Process): number {
    return this.#guests.get(process)?.wakeAt ?? Infinity;
  }

  tick(process: Process): void {
    this.#guests.get(process)?.tick();
  }

  /** A process is told something. */
  told(process: Process, event: MemberEvent): void {
    this.#guests.get(process)?.take(event);
    const isProof = event.kind === "notice" && event.notice === "invitation" &&
      personOf(process.name) === INVITER;
    if (!isProof) return;
    const { checker, processOf, fail } = this.#options;
    const at = { room: process.room, self: process.self.member };
    this.#invitations.take(event.peer, event.body, at).then((taken) => {
      if (taken?.outcome.kind === "accepted") {
        checker.accepts(process.name, processOf(event.peer.credential.key), GUEST);
      }
      if (taken?.answer !== undefined) this.#send(process, event.peer, taken.answer);
    }).catch(fail);
  }

  /** One who knows everything but the secret says what others said, or makes it up. */
  lie(process: Process): void {
    const { chance } = this.#options;
    const others = process.member.peers().filter(({ credential }) =>
      credential.key !== process.self.key
    );
    if (others.length === 0) return;
    const { publicKey } = this.#made!;
    const proof = { publicKey, signature: chance.bytes(64) };
    const bodies = [
      ...this.#bodies,
      encodeInvitationNotice({ kind: "proof", proof }),
      encodeInvitationNotice({ kind: "answer", publicKey, answer: "accepted" }),
    ];
    process.member.sendNotice(chance.pick(others), "invitation", chance.pick(bodies));
  }
}
