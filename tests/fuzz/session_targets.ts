/**
 * Recorded sessions, changed and played again: to a relay where others chat on, and to a member.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { type Bytes, mapKey, utf8 } from "../../lib/base/bytes.ts";
import {
  checkCredential,
  type Credential,
  makeRenewal,
  NO_RENEWAL,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";
import { answerByJoining, answerByResuming } from "../../lib/chat/member/connection.ts";
import { Member } from "../../lib/chat/member/member.ts";
import {
  encodeBye,
  encodeCount,
  encodeEmpty,
  encodeMember,
  encodeRenew,
  encodeRoute,
} from "../../lib/chat/wire/control.ts";
import { encodeHere } from "../../lib/chat/wire/history.ts";
import type { RelayConnection } from "../../lib/chat/relay/connection.ts";
import { encodeEntries } from "../../lib/chat/wire/envelope.ts";
import type { HostedRoom } from "../../lib/chat/relay/hosted_room.ts";
import type { EntryRulesOptions } from "../../lib/chat/relay/options.ts";
import { Invitations } from "../../lib/chat/trust/invitations.ts";
import { FrameReader } from "../../lib/chat/wire/frame.ts";
import {
  encodeProof,
  openInvitation,
  readProof,
  relayStatement,
  signProof,
} from "../../lib/chat/wire/invitation.ts";
import { BOUND, encodeGreeting, KIND } from "../../lib/chat/wire/kinds.ts";
import { fakeLink, linkToRelay } from "../chat/links.ts";
import { provenJoin } from "../chat/raw_frames.ts";
import { credentialOf, type Seat, shown, TestRoom, until } from "../chat/room.ts";
import { nearly } from "./arbitraries.ts";
import type { FuzzOptions, Target } from "./target.ts";

const DIALLED = { host: "room.test", port: 4396 };
/** The greeting of those who join the relay's first room. */
const GREETING: Bytes = encodeGreeting("");
/** So many inputs go by before the honest members say something. */
const WORD_EVERY = 250;

/** A relay with two honest members, and what one of them sent and was sent. */
class Stage {
  readonly room: TestRoom;
  readonly failures: unknown[] = [];
  readonly #known = new Map<string, Promise<Credential>>();
  #honest: readonly [Seat, Seat] | undefined;
  #words = 0;

  constructor(rules: EntryRulesOptions = {}) {
    this.room = new TestRoom({
      ...rules,
      // The same few credentials again and again: their signatures are checked once.
      check: (bytes, now) => {
        const key = mapKey(bytes);
        const known = this.#known.get(key) ?? checkCredential(bytes, now);
        if (this.#known.size < 1000) this.#known.set(key, known);
        return known;
      },
    });
  }

  async open(): Promise<this> {
    this.#honest = [await this.room.join("ada"), await this.room.join("bo")];
    return this;
  }

  /** The honest members still hear each other. */
  async talk(): Promise<void> {
    const [ada, bo] = this.#honest!;
    const text = `word ${this.#words++}`;
    ada.member.enter(text);
    await until(() => shown(bo).at(-1) === `ada: ${text}`, `bo has read ${text}`);
    assertEquals(this.room.failures, []);
    // Members acknowledge what is no message later, and the relay waits for that.
    await this.room.pass(1_000);
    this.room.relayEvents.length = 0;
  }
}

/** What a member sends after it has joined: frames of each kind, made by real members. */
async function recordSent(self: OwnCredential): Promise<Bytes[]> {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const frames: Bytes[] = [];
  const reader = new FrameReader(() => BOUND.frame);
  const member = new Member({ self, dialled: DIALLED, now: room.clock.now }, {
    send: (bytes) => {
      link.send(bytes);
      if (bytes[0] === utf8("p")[0]) return; // the greeting
      for (const frame of reader.push(bytes)) frames.push(frame.bytes.slice());
    },
    drop: () => {},
    event: () => queueMicrotask(() => member.displayed(1_000)),
    wake: () => {},
    fail: (error) => room.failures.push(error),
  });
  const link = linkToRelay(room.relay, {
    receive: (bytes) => member.receive(bytes),
    disconnected: () => member.disconnected(),
  });
  member.connected();
  await until(() => ada.events.some(({ kind }) => kind === "joined"), "ada has seen it");
  await until(() => member.enter("a first line").ok, "it may speak");
  ada.member.enter("an answer");
  member.enter("between us", "ada");
  await until(() => shown(ada).length === 2, "ada has read both");
  await room.pass(2_000);
  const { member: hash } = self;
  const numbers = { version: 2, check: new Uint8Array(4) };
  const entry = { member: 1, sequence: 0, box: new Uint8Array(30), ...numbers };
  const { privateKey } = self.keys.identity;
  const renewal = await makeRenewal(privateKey, hash, room.clock.now() + 80_000_000);
  return [
    ...frames.filter((frame) => frame[4] !== KIND.join),
    encodeRenew(renewal),
    ...encodeEntries(KIND.receipt, [entry]),
    ...encodeEntries(KIND.ask, [entry]),
    encodeHere({ member: 3, ...numbers, signature: new Uint8Array(64) }),
    encodeRoute({ route: 3, except: true, members: [1, 2] }),
    encodeMember(KIND.rejoin, 1),
    encodeCount(KIND.ack, 1),
    encodeEmpty(KIND.ping),
    encodeEmpty(KIND.pong),
    encodeEmpty(KIND.leave),
  ];
}

/** A frame that came, or that the connection was lost and another was made. */
type Step = Bytes | "again";

/** What relays sent to a member, from the challenge on: in a room, in it again, and in the next one. */
async function recordReceived(): Promise<{ self: OwnCredential; steps: Step[]; now: number }> {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const steps: Step[] = [];
  const bo = await room.join("bo", ({ kind, bytes }) => {
    // The member that it is played to says less than this one, so that the relay can have accepted nothing of it.
    if (kind === KIND.resumed) steps.push(encodeCount(kind, 0));
    else if (kind !== KIND.accepted) steps.push(bytes);
    return [bytes];
  });
  for (const text of ["one", "two"]) ada.member.enter(text);
  ada.member.enter("three", "bo");
  const cy = await room.join("cy");
  cy.cut();
  await room.settle();
  await room.pass(3_000);
  cy.connect();
  await until(() => shown(bo).length === 3, "bo has read it");
  await until(() => bo.member.enter("an answer").ok, "bo may speak");
  await room.settle();
  await room.pass(3_000);
  cy.member.leave();
  await room.settle();
  steps.push("again");
  bo.cut();
  ada.member.enter("four");
  await room.settle();
  bo.connect();
  await until(() => shown(bo).length === 4, "bo has read on");
  steps.push("again");
  room.restart();
  ada.member.enter("five");
  for (const seat of [ada, bo]) seat.connect();
  await until(() => shown(bo).length === 5, "bo has read on in another room");
  await room.settle();
  return { self: bo.self, steps, now: room.clock.now() };
}

/** What a relay sends as well, which the recorded sessions have none of. */
const OTHERS: readonly Bytes[] = [
  encodeCount(KIND.accepted, 0),
  encodeCount(KIND.resumed, 0),
  encodeEmpty(KIND.ping),
  encodeEmpty(KIND.unknown),
  encodeBye("SILENT"),
];

/** A connection to a relay; what comes is thrown away. */
function connect(stage: Stage) {
  let ended = false;
  const received: Bytes[] = [];
  const connection = stage.room.relay.connect(fakeLink({
    send: (bytes) => {
      if (received.length < 4) received.push(bytes);
    },
    end: () => ended = true,
  }));
  return { connection, received, ended: () => ended };
}

/** A connection that has greeted, and the challenge. */
function challenged(stage: Stage) {
  const coming = connect(stage);
  coming.connection.receive(GREETING);
  const [frame] = [...new FrameReader(() => BOUND.frame).push(coming.received[0]!)];
  assertEquals(frame?.kind, KIND.challenge);
  return { ...coming, transcript: concat([GREETING, frame!.payload]) };
}

/** The stay of a member at the relay. */
function stayOf(stage: Stage, self: OwnCredential) {
  return stage.room.relay.members().find(({ credential }) =>
    credential.key === mapKey(self.member)
  );
}

/** Whether a member is in over a connection. */
function isIn(stage: Stage, self: OwnCredential, connection: RelayConnection): boolean {
  return stayOf(stage, self)?.connection === connection;
}

/** Joins anew: a relay does not take a recorded proof. */
async function rejoin(stage: Stage, self: OwnCredential) {
  const joined = challenged(stage);
  joined.connection.receive(await answerByJoining(self, DIALLED, joined.transcript));
  await until(() => isIn(stage, self, joined.connection) || joined.ended(), "it is in");
  assert(isIn(stage, self, joined.connection), "the relay takes a member again");
  return joined;
}

/** Plays changed sessions of members to a relay. */
const RELAY: Target = {
  name: "relay-session",
  async run({ runs, seed }: FuzzOptions) {
    const stage = await new Stage().open();
    const self = await credentialOf("eve", 5, stage.room.clock.now);
    const frames = await recordSent(self);
    const kinds = new Set(frames.map((frame) => frame[4]));
    for (const kind of [KIND.pair, KIND.sealed, KIND.here, KIND.receipt]) assert(kinds.has(kind));
    let played = 0;
    let eve = await rejoin(stage, self);
    const session = fc.array(nearly(frames, 40), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(session, async (pieces) => {
        for (const piece of pieces) eve.connection.receive(piece);
        if (eve.ended()) eve = await rejoin(stage, self);
        assertEquals(stage.room.relay.size, 3);
        assertEquals(stage.room.relay.connections, 3);
        if (++played % WORD_EVERY === 0) await stage.talk();
      }),
      { numRuns: runs, seed },
    );
    eve.connection.disconnected();
    await stage.talk();
    assertEquals(stage.room.relay.state().queueBytes < 4 << 20, true);
  },
};

/** Plays changed joins to a relay. */
const NEWCOMER: Target = {
  name: "relay-newcomer",
  async run({ runs, seed }: FuzzOptions) {
    const stage = await new Stage().open();
    const self = await credentialOf("eve", 5, stage.room.clock.now);
    const join = await answerByJoining(self, DIALLED, new Uint8Array(32));
    const whole = concat([GREETING, join]);
    const pieces = fc.tuple(nearly([whole, GREETING, whole.slice(0, 200)]), fc.nat(400));
    let played = 0;
    await fc.assert(
      fc.asyncProperty(pieces, async ([bytes, cut]) => {
        const { connection } = connect(stage);
        connection.receive(bytes.slice(0, cut));
        connection.receive(bytes.slice(cut));
        if (++played % WORD_EVERY === 0) await stage.talk();
        connection.disconnected();
        assertEquals(stage.room.relay.size, 2);
        assertEquals([stage.room.relay.connections, stage.room.failures.length], [2, 0]);
      }),
      { numRuns: runs, seed },
    );
    await until(() => stage.room.relay.pending === 0, "no check goes on");
    await stage.talk();
  },
};

/** Joins by invitations whose proofs are changed. Only those that are not changed let somebody in. */
const INVITED: Target = {
  name: "relay-invited",
  async run({ runs, seed }: FuzzOptions) {
    const invitations = new Invitations();
    const made = (await invitations.make({ room: "" }))!;
    const invitation = await openInvitation(made.secret);
    const self = await credentialOf("eve", 5, Date.now);
    const allows = (print: string) => print !== self.fingerprint;
    const stage = await new Stage({ allows, invitations }).open();
    const own = await credentialOf("eve", 5, stage.room.clock.now);
    const place = fc.nat(32 + 64 - 1);
    const changes = fc.option(fc.tuple(place, fc.integer({ min: 1, max: 255 })));
    let played = 0;
    let admitted = 0;
    await fc.assert(
      fc.asyncProperty(changes, async (change) => {
        const { connection, transcript, ended } = challenged(stage);
        const proof = encodeProof(
          await signProof(invitation, relayStatement(transcript, own.member)),
        );
        if (change !== null) proof[change[0]]! ^= change[1];
        const join = provenJoin(own, transcript, DIALLED, NO_RENEWAL, readProof(proof));
        connection.receive(await join);
        await until(() => isIn(stage, own, connection) || ended(), "it is answered");
        assertEquals(isIn(stage, own, connection), change === null);
        if (change === null) admitted += 1;
        connection.disconnected();
        assertEquals([stage.room.relay.connections, stage.room.failures.length], [2, 0]);
        if (++played % WORD_EVERY === 0) await stage.talk();
      }),
      { numRuns: runs, seed },
    );
    assert(admitted > 0, "a join that nobody changed is taken");
    await stage.talk();
  },
};

/** Resumes by changed counts and proofs, and goes on by changed frames. */
const RESUMING: Target = {
  name: "relay-resume",
  async run({ runs, seed }: FuzzOptions) {
    const stage = await new Stage().open();
    const { relay } = stage.room;
    const self = await credentialOf("eve", 5, stage.room.clock.now);
    const frames = await recordSent(self);
    (await rejoin(stage, self)).connection.disconnected();
    const count = fc.oneof(fc.constant(0), fc.nat(40), fc.maxSafeNat());
    const attempts = fc.record({
      received: count,
      sent: count,
      right: fc.boolean(),
      // A share of what is sent, and what that byte becomes.
      change: fc.option(fc.tuple(fc.double({ min: 0, max: 0.99, noNaN: true }), fc.nat(255))),
      rest: fc.array(nearly(frames, 40), { maxLength: 3 }),
    });
    let played = 0;
    let resumed = 0;
    await fc.assert(
      fc.asyncProperty(attempts, async ({ received, sent, right, change, rest }) => {
        const stay = stayOf(stage, self)!;
        const [{ id: room }] = [...relay.rooms()] as [HostedRoom];
        const counts = right
          ? { received: stay.outbox.sent, sent: stay.member.received }
          : { received, sent };
        const { connection, transcript, received: answers, ended } = challenged(stage);
        const answer = await answerByResuming(self, transcript, { room, ...counts });
        if (change !== null) answer[5 + Math.floor(change[0] * (answer.length - 5))] = change[1];
        connection.receive(answer);
        // It is in, out, or told that there is nobody to go on with.
        await until(
          () => isIn(stage, self, connection) || ended() || answers.length > 1,
          "it is answered",
        );
        const isResumed = isIn(stage, self, connection);
        if (isResumed) resumed += 1;
        if (right && change === null) assert(isResumed && stayOf(stage, self) === stay);
        for (const piece of rest) connection.receive(piece);
        connection.disconnected();
        if (stayOf(stage, self) === undefined) {
          (await rejoin(stage, self)).connection.disconnected();
        }
        assertEquals([relay.size, relay.connections, stage.room.failures.length], [3, 2, 0]);
        if (++played % WORD_EVERY === 0) await stage.talk();
      }),
      { numRuns: runs, seed },
    );
    assert(resumed > 0, "a resume that nobody changed is taken");
    await stage.talk();
  },
};

/** Plays changed sessions of a relay to a member. */
const MEMBER: Target = {
  name: "member-session",
  async run({ runs, seed }: FuzzOptions) {
    const { self, steps, now } = await recordReceived();
    const pieces = [...steps.filter((step) => step !== "again"), ...OTHERS];
    const kinds = new Set(pieces.map((piece) => piece[4]));
    for (const kind of [KIND.left, KIND.away, KIND.back, KIND.resumed, KIND.receipt]) {
      assert(kinds.has(kind), `no frame of kind ${kind} was recorded`);
    }
    const known = new Map<string, Promise<Credential>>();
    const check = (bytes: Bytes) => {
      const key = mapKey(bytes);
      const one = known.get(key) ?? checkCredential(bytes, now);
      if (known.size < 1000) known.set(key, one);
      return one;
    };
    // Up to some frame all is well; what follows is changed.
    const sessions = fc.record({
      whole: fc.nat(steps.length),
      rest: fc.array(
        fc.oneof(
          { arbitrary: nearly(pieces, 40), weight: 9 },
          { arbitrary: fc.constant("again" as const), weight: 1 },
        ),
        { maxLength: 4 },
      ),
    });
    const told = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(sessions, async ({ whole, rest }) => {
        const failures: unknown[] = [];
        const member = new Member({ self, dialled: DIALLED, now: () => now, check }, {
          send: () => {},
          drop: () => {},
          event: ({ kind }) => told.set(kind, (told.get(kind) ?? 0) + 1),
          wake: () => {},
          fail: (error) => failures.push(error),
        });
        member.connected();
        for (const step of [...steps.slice(0, whole), ...rest]) {
          if (step !== "again") {
            member.receive(step.slice());
            await member.settled;
          } else {
            member.disconnected();
            member.connected();
          }
        }
        await member.settled;
        member.disconnected();
        await member.settled;
        assertEquals(failures, []);
      }),
      { numRuns: runs, seed },
    );
    for (const kind of ["message", "away", "back", "left", "reconnected"]) {
      assert(told.has(kind), `no member was told of ${kind}: the recorded session is not taken`);
    }
  },
};

/** All that is played. */
export const SESSION_TARGETS: readonly Target[] = [RELAY, NEWCOMER, INVITED, RESUMING, MEMBER];
