/**
 * Builds in which one rule is broken on purpose, and what the checker says of each.
 *
 * @module
 */

import { sameBytes } from "../../lib/base/bytes.ts";
import { CONTEXT } from "../../lib/chat/identity/signing.ts";
import { Ledger } from "../../lib/chat/member/deliveries.ts";
import { keyChange } from "../../lib/chat/member/own_chains.ts";
import {
  DueReceipts,
  IncomingStream,
  SenderStreams,
  Streams,
} from "../../lib/chat/member/acknowledger.ts";
import { EVERYONE, Roster } from "../../lib/chat/member/roster.ts";
import { Outgoing } from "../../lib/chat/member/sender.ts";
import { HostedRoom } from "../../lib/chat/relay/hosted_room.ts";
import { PairSender } from "../../lib/chat/seal/pairwise.ts";
import { InvitedGuest } from "../../lib/chat/trust/invitations.ts";
import { STREAMS } from "../../lib/chat/wire/content.ts";
import { RosterHistory } from "../../lib/chat/wire/history.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import { type Break, type Build, replacing } from "./build.ts";
import { StandInCrypto } from "./stand_in_crypto.ts";

/** A build that breaks a rule. */
export interface Broken {
  readonly build: Build;
  /** What the checker says of it. */
  readonly problem: RegExp;
}

/** Forgets what has come from everyone, at each frame. */
class Forgetful extends Streams {
  override of(): SenderStreams {
    return new SenderStreams();
  }
}

const HONEST: Build = { lies: false, liars: false };
const TOO_EARLY = /is told that .* is delivered, which .* has not shown/;
const NEVER = /is never delivered|never shows/;
const UNNOTICED = /misses \d+ before .*, and is told of/;

function lying(broken: Break, problem: RegExp): Broken {
  return { build: { lies: true, liars: false, breaks: [broken] }, problem };
}

/** Replaces a getter. */
function replacingGetter<T extends object>(
  target: T,
  name: keyof T,
  broken: (self: T) => unknown,
): Break {
  return () => {
    const original = Object.getOwnPropertyDescriptor(target, name)!;
    Object.defineProperty(target, name, {
      configurable: true,
      get(this: T) {
        return broken(this);
      },
    });
    return () => void Object.defineProperty(target, name, original);
  };
}

/** The pairwise keys that were sent once. */
const sentOnce = new WeakSet<PairSender>();
/** What stands for every context where the history is not bound. */
const NO_CONTEXT = new Uint8Array(32);

const RULES_OF_FRAMES: Readonly<Record<string, Broken>> = {
  "speakers that report accepted messages as delivered": lying(
    replacing(Ledger.prototype, "accept", (accept) =>
      function (this: Ledger, entry, now) {
        accept.call(this, entry, now);
        const { stream, number } = entry.line;
        for (const contact of this.contacts()) {
          const progress = { stream, through: number, seen: number, withheld: 0 };
          if (this.isFor(contact, entry)) this.receipt(contact, progress, now);
        }
      }),
    TOO_EARLY,
  ),
  "receipts that report everything seen as taken": lying(
    replacing(IncomingStream.prototype, "progress", () =>
      function (this: IncomingStream, stream) {
        return { stream, through: this.seen, seen: this.seen, withheld: 0 };
      }),
    TOO_EARLY,
  ),
  "receivers that ignore the number of the previous message": lying(
    replacing(IncomingStream.prototype, "link", (link) =>
      function (this: IncomingStream, number) {
        return link.call(this, number, Math.min(this.seen, number - 1));
      }),
    UNNOTICED,
  ),
  "receivers that do not report missing messages": lying(
    replacing(IncomingStream.prototype, "reach", (reach) =>
      function (this: IncomingStream, last) {
        reach.call(this, last);
        return 0;
      }),
    UNNOTICED,
  ),
  "receivers that show copies": lying(
    replacing(IncomingStream.prototype, "take", (take) =>
      function (this: IncomingStream, number) {
        const arrival = take.call(this, number);
        return arrival === "copy" ? "late" : arrival;
      }),
    /shows .* twice/,
  ),
  "receivers that do not mark late messages": lying(
    replacing(IncomingStream.prototype, "take", (take) =>
      function (this: IncomingStream, number) {
        const arrival = take.call(this, number);
        return arrival === "late" ? "new" : arrival;
      }),
    /out of order/,
  ),
  "receivers that go on waiting for what will not come": lying(
    replacing(IncomingStream.prototype, "gone", () => () => 0),
    NEVER,
  ),
  "speakers that do not tell a member that is back what it was owed": lying(
    replacing(Ledger.prototype, "add", (add) =>
      function (this: Ledger, peer, joining, joinedAt) {
        const contact = add.call(this, peer, joining, joinedAt);
        for (const stream of STREAMS) contact.streams[stream].gone = 0;
        return contact;
      }),
    UNNOTICED,
  ),
};

/** The length of what a context of a version is the hash of. */
const CONTEXT_BYTES = CONTEXT.history.length + 4 * 32 + 5;

/** Returns what a context is the hash of, without the context before it, the event, and whose it is. */
function membersAlone(data: Uint8Array): Uint8Array {
  const rest = data.slice();
  const before = CONTEXT.history.length + 32;
  rest.fill(0, before, before + 32);
  rest.fill(0, before + 32 + 4, before + 32 + 5 + 32);
  return rest;
}

const RULES_OF_ROSTERS: Readonly<Record<string, Broken>> = {
  "members that take older frames of a sender as confirmation of its joining": lying(
    replacing(Roster.prototype, "isBefore", () => () => false),
    /is told that .* is there, which is not/,
  ),
  "members and relays whose context covers only the set of members": lying(
    replacing(
      StandInCrypto.prototype,
      "digest",
      (digest) =>
        function (this: StandInCrypto, algorithm, data) {
          const isContext = data.byteLength === CONTEXT_BYTES;
          return digest.call(
            this,
            algorithm,
            isContext ? membersAlone(data as Uint8Array) as BufferSource : data,
          );
        },
    ),
    /of whose sender it knows another roster/,
  ),
};

const RULES_OF_WAITING: Readonly<Record<string, Broken>> = {
  "speakers that wait for silent recipients": {
    build: { ...HONEST, breaks: [replacing(Ledger.prototype, "stall", () => () => {})] },
    problem: /it waits for one that is silent/,
  },
  "speakers that never send `rejoin`": {
    build: {
      ...HONEST,
      loud: true,
      breaks: [
        replacing(Outgoing.prototype, "send", (send) =>
          function (this: Outgoing, frame, lines) {
            if (frame[4] !== KIND.rejoin) send.call(this, frame, lines);
          }),
      ],
    },
    problem: /it still leaves out frames/,
  },
  "a relay that ignores acknowledgements": {
    build: {
      ...HONEST,
      breaks: [replacing(HostedRoom.prototype, "acknowledge", () => () => true)],
    },
    problem: /a queue is not empty/,
  },
};

const RULES_OF_HEALING: Readonly<Record<string, Broken>> = {
  "speakers that never repeat lost messages": lying(
    replacing(Ledger.prototype, "outstanding", () => () => []),
    NEVER,
  ),
  "speakers that never ask": lying(
    replacing(PairSender.prototype, "ask", (ask) =>
      async function (this: PairSender, ...args) {
        const entry = await ask.apply(this, args);
        return { ...entry, box: new Uint8Array(entry.box.length) };
      }),
    NEVER,
  ),
  "recipients that do not answer asks": lying(
    replacing(DueReceipts.prototype, "asked", () => () => {}),
    NEVER,
  ),
  "speakers that send the pairwise key once": lying(
    replacingGetter(PairSender.prototype, "isProven", (self) => {
      const wasSent = sentOnce.has(self);
      sentOnce.add(self);
      return wasSent;
    }),
    NEVER,
  ),
  "speakers that forget undelivered messages in a new room": lying(
    replacing(Ledger.prototype, "changeRoom", (changeRoom) =>
      function (this: Ledger) {
        changeRoom.call(this);
        for (const contact of this.contacts()) {
          contact.unsure = false;
          for (const stream of STREAMS) contact.streams[stream].owed.length = 0;
        }
      }),
    NEVER,
  ),
  "members that do not bind frames to the room's history": lying(() => {
    const breaks = [
      replacing(RosterHistory.prototype, "at", () => () => NO_CONTEXT),
      replacing(RosterHistory.prototype, "when", () => () => NO_CONTEXT),
      replacingGetter(RosterHistory.prototype, "newest", () => Promise.resolve(NO_CONTEXT)),
    ].map((one) => one());
    return () => breaks.forEach((undo) => undo());
  }, /of whose sender it knows another roster/),
  "members that do not check signatures": lying(
    replacing(StandInCrypto.prototype, "verify", () => () => true),
    /has signed its leaving, which it did not/,
  ),
};

/** Whether bytes are what a guest signs for its inviter. */
function isProof(data: BufferSource): boolean {
  const start = new Uint8Array(data as ArrayBuffer).subarray(0, CONTEXT.invitation.length);
  return sameBytes(start, CONTEXT.invitation);
}

function inviting(broken: Break, problem: RegExp): Broken {
  return { build: { lies: false, liars: true, invites: true, breaks: [broken] }, problem };
}

const RULES_OF_INVITATIONS: Readonly<Record<string, Broken>> = {
  "inviters that check no proof": inviting(
    replacing(
      StandInCrypto.prototype,
      "verify",
      (verify) =>
        function (this: StandInCrypto, algorithm, key, signature, data) {
          return isProof(data) || verify.call(this, algorithm, key, signature, data);
        },
    ),
    /accepts .*, whom it did not invite/,
  ),
  "proofs that do not name the guest": inviting(() => {
    const withoutGuest = (data: BufferSource) =>
      isProof(data) ? (data as Uint8Array<ArrayBuffer>).slice(0, -32) : data;
    const breaks = [
      replacing(
        StandInCrypto.prototype,
        "sign",
        (sign) =>
          function (this: StandInCrypto, algorithm, key, data) {
            return sign.call(this, algorithm, key, withoutGuest(data));
          },
      ),
      replacing(
        StandInCrypto.prototype,
        "verify",
        (verify) =>
          function (this: StandInCrypto, algorithm, key, signature, data) {
            return verify.call(this, algorithm, key, signature, withoutGuest(data));
          },
      ),
    ].map((one) => one());
    return () => breaks.forEach((undo) => undo());
  }, /accepts .*, whom it did not invite/),
  "guests that accept an answer from any member": inviting(
    replacing(InvitedGuest.prototype, "isInviter", () => () => true),
    /is told that .* has accepted it, which did not/,
  ),
};

const OTHER_RULES: Readonly<Record<string, Broken>> = {
  "members that acknowledge before they show": {
    build: { ...HONEST, hasty: true },
    problem: TOO_EARLY,
  },
  "members that do not remember what they have shown": {
    build: { ...HONEST, member: () => ({ streams: new Forgetful() }) },
    problem: /shows .* twice/,
  },
  "members that keep their chain when somebody leaves": {
    build: {
      ...HONEST,
      member: () => ({
        keyChange: (holders, recipients) => {
          const change = keyChange(holders, recipients);
          return change === "chain" ? "none" : change;
        },
      }),
    },
    problem: /could be read by .*, for whom it was not/,
  },
  "members that seal to excluded members": {
    build: { ...HONEST, policy: () => EVERYONE },
    problem: /could be read by .*, for whom it was not/,
  },
  "members that check exclusions only when a line is entered": {
    build: {
      ...HONEST,
      policy: (process) => ({
        obstacle: (peer) => process.entering ? process.trust.obstacle(peer) : undefined,
        hides: (peer) => process.trust.hides(peer),
      }),
    },
    problem: /could be read by .*, who was left out when it was sealed/,
  },
  "members that leave out a member that nobody excluded": {
    build: {
      ...HONEST,
      policy: (process) => ({
        obstacle: ({ credential }) => credential.name === "m1" ? "is m1" : undefined,
        hides: (peer) => process.trust.hides(peer),
      }),
    },
    problem: /is told that .* is delivered, which m1\.\d+ has not shown/,
  },
  "a relay that does not forward renewals": {
    build: {
      ...HONEST,
      aged: true,
      breaks: [replacing(HostedRoom.prototype, "renew", () => () => {})],
    },
    problem: /finds fault: CREDENTIAL_EXPIRED/,
  },
  "members that do not renew their credential": {
    // The clock of each stands still, so that half of no credential's time is ever over.
    build: { ...HONEST, member: () => ({ now: () => 1_700_000_000_000 }) },
    problem: /CREDENTIAL_EXPIRED/,
  },
  "members that do not report who missed a line": {
    build: { ...HONEST, silent: true },
    problem: /is not told that .*, who has gone, has not shown/,
  },
  "members that do not report what they missed": {
    build: { ...HONEST, silent: true },
    problem: /was given up, is back, and is not told what it missed/,
  },
};

/** All builds that break a rule, by what they break. */
export const BROKEN: Readonly<Record<string, Broken>> = {
  ...RULES_OF_FRAMES,
  ...RULES_OF_ROSTERS,
  ...RULES_OF_WAITING,
  ...RULES_OF_HEALING,
  ...RULES_OF_INVITATIONS,
  ...OTHER_RULES,
};
