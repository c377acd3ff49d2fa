/**
 * Recorded sessions, changed and played again: to a relay where others chat on, and to a member.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Admission, answerChallenge } from "../../lib/chat/admission.ts";
import { type Bytes, mapKey, utf8 } from "../../lib/chat/bytes.ts";
import { checkCredential, type Credential, type OwnCredential } from "../../lib/chat/credential.ts";
import { FrameReader } from "../../lib/chat/frame.ts";
import { BOUND, encodeGreeting, KIND } from "../../lib/chat/kind.ts";
import { Member } from "../../lib/chat/member.ts";
import { connectThroughMemory } from "../../lib/chat/memory_link.ts";
import { encodeAudience, encodeCount, encodeEmpty } from "../../lib/chat/wire.ts";
import { credentialOf, type Seat, shown, TestRoom, until } from "../chat/room.ts";
import { nearly } from "./arbitraries.ts";
import type { FuzzOptions, Target } from "./target.ts";

const DIALLED = { host: "room.test", port: 4396 };
/** So many inputs go by before the honest members say something. */
const WORD_EVERY = 250;

/** A relay with two honest members, and what one of them sent and was sent. */
class Stage {
  readonly room: TestRoom;
  readonly failures: unknown[] = [];
  readonly #known = new Map<string, Promise<Credential>>();
  #honest: readonly [Seat, Seat] | undefined;
  #words = 0;

  constructor() {
    this.room = new TestRoom({
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
  const link = connectThroughMemory(room.relay, {
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
  return [
    ...frames.filter((frame) => frame[4] !== KIND.join),
    encodeAudience(3, [hash, ada.self.member]),
    encodeCount(KIND.ack, 1),
    encodeEmpty(KIND.ping),
    encodeEmpty(KIND.pong),
    encodeEmpty(KIND.leave),
  ];
}

/** What a relay sent to a member, from the challenge on. */
async function recordReceived(): Promise<{ self: OwnCredential; pieces: Bytes[]; now: number }> {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const pieces: Bytes[] = [];
  const bo = await room.join("bo", ({ bytes }) => {
    pieces.push(bytes);
    return [bytes];
  });
  for (const text of ["one", "two"]) ada.member.enter(text);
  ada.member.enter("three", "bo");
  const cy = await room.join("cy");
  cy.close();
  await until(() => shown(bo).length === 3, "bo has read it");
  await room.settle();
  return { self: bo.self, pieces, now: room.clock.now() };
}

/** A connection to a relay; what comes is thrown away. */
function connect(stage: Stage) {
  let ended = false;
  const received: Bytes[] = [];
  const connection = stage.room.relay.connect({
    send: (bytes) => {
      if (received.length < 4) received.push(bytes);
    },
    end: () => ended = true,
  });
  return { connection, received, ended: () => ended };
}

/** Joins anew: a relay does not take a recorded proof. */
async function rejoin(stage: Stage, self: OwnCredential) {
  const joined = connect(stage);
  joined.connection.receive(encodeGreeting());
  const [challenge] = [...new FrameReader(() => BOUND.frame).push(joined.received[0]!)];
  const step = new Admission().take(challenge!);
  if (step === undefined || !("nonce" in step)) throw new Error("no challenge came");
  joined.connection.receive(await answerChallenge(self, DIALLED, step.room, step.nonce));
  await until(() => joined.connection.member !== undefined || joined.ended(), "it is in");
  assert(joined.connection.member !== undefined, "the relay takes a member again");
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
    for (const kind of [KIND.key, KIND.sealed, KIND.audience]) assert(kinds.has(kind));
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
    const { room } = stage.room.relay;
    const join = await answerChallenge(self, DIALLED, room, new Uint8Array(32));
    const whole = new Uint8Array([...encodeGreeting(), ...join]);
    const pieces = fc.tuple(nearly([whole, encodeGreeting(), whole.slice(0, 200)]), fc.nat(400));
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

/** Plays changed sessions of a relay to a member. */
const MEMBER: Target = {
  name: "member-session",
  async run({ runs, seed }: FuzzOptions) {
    const { self, pieces, now } = await recordReceived();
    const known = new Map<string, Promise<Credential>>();
    const check = (bytes: Bytes) => {
      const key = mapKey(bytes);
      const one = known.get(key) ?? checkCredential(bytes, now);
      if (known.size < 1000) known.set(key, one);
      return one;
    };
    // Up to some frame all is well; what follows is changed.
    const sessions = fc.record({
      whole: fc.nat(pieces.length),
      rest: fc.array(nearly(pieces, 40), { maxLength: 4 }),
    });
    let shownAny = 0;
    await fc.assert(
      fc.asyncProperty(sessions, async ({ whole, rest }) => {
        const failures: unknown[] = [];
        const member = new Member({ self, dialled: DIALLED, now: () => now, check }, {
          send: () => {},
          drop: () => {},
          event: ({ kind }) => shownAny += kind === "message" ? 1 : 0,
          wake: () => {},
          fail: (error) => failures.push(error),
        });
        member.connected();
        for (const piece of [...pieces.slice(0, whole), ...rest]) member.receive(piece.slice());
        await member.settled;
        member.disconnected();
        await member.settled;
        assertEquals(failures, []);
      }),
      { numRuns: runs, seed },
    );
    assert(shownAny > 0, "the recorded session is one that a member takes");
  },
};

/** All that is played. */
export const SESSION_TARGETS: readonly Target[] = [RELAY, NEWCOMER, MEMBER];
