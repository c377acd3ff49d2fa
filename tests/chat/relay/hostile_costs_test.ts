/**
 * Work that somebody has others do: it is charged to whoever causes it, at the relay and at a member, and neither to
 * who suffers from it nor to who answers.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Admission, answerChallenge } from "../../../lib/chat/member/connection.ts";
import { PEER_TARIFF } from "../../../lib/chat/member/peer_inbox.ts";
import { audienceDigest } from "../../../lib/chat/seal/chain.ts";
import { encodeAudience, encodeEmpty, readBye } from "../../../lib/chat/wire/control.ts";
import { CONVERSATION } from "../../../lib/chat/wire/envelope.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, KIND, type Reason } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { fakeLink } from "../links.ts";
import { credentialOf, faults, shown, TestRoom, until } from "../room.ts";
import { unsignedFrame } from "../sealed_frame.ts";

/** Whom a relay has told to be too fast, by name. */
function slowed(room: TestRoom): string[] {
  return room.relayEvents.flatMap((event) =>
    event.kind === "slowed" ? [event.credential.name] : []
  );
}

/** How many HKDF operations something takes. */
async function derivations(act: () => Promise<void>): Promise<number> {
  const { deriveBits } = crypto.subtle;
  let count = 0;
  crypto.subtle.deriveBits = (...args) => {
    count += 1;
    return Reflect.apply(deriveBits, crypto.subtle, args);
  };
  try {
    await act();
    return count;
  } finally {
    crypto.subtle.deriveBits = deriveBits;
  }
}

// Steps of a chain.

Deno.test("steps that no frame explains are not followed: a frame that is a thousand steps on costs nothing", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const chain = await eve.chain(CONVERSATION.group, 0);
  await eve.give(ada, chain);
  const digest = await audienceDigest([eve.self.member, ada.self.member]);
  await eve.say(chain, "one", 0, digest);
  for (let step = 0; step < 1024; step++) await chain.advance(0);
  // What is counted is eve's own message key.
  assertEquals(await derivations(() => eve.say(chain, "far", 0, digest, 2)), 1);
  assertEquals([shown(ada), faults(ada)], [["eve: one"], ["BAD_STEP"]]);
});

Deno.test("steps beside which frames are left out are charged to their sender, over chains and stays", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const { burst } = PEER_TARIFF.step;
  let followed = 0;
  let eve = await Eve.join(room);
  for (let chains = 0; chains < 4; chains++) {
    const digest = await audienceDigest([eve.self.member, ada.self.member, bo.self.member]);
    const chain = await eve.chain(CONVERSATION.group, chains);
    await eve.give(ada, chain);
    for (let step = 0; step < 40; step++) await eve.skip(chain);
    // Less eve's own key; ada's one step before a frame, the commitment and the message key are free.
    followed += await derivations(() => eve.say(chain, `${chains}`, 0, digest, chains + 1)) - 1;
    if (chains !== 1) continue;
    eve.raw.send(encodeEmpty(KIND.leave));
    await room.settle();
    eve = await Eve.join(room);
  }
  assert(followed >= 40 && followed <= burst + 4 * 3, `${followed} steps were followed`);
  assertEquals(shown(ada), ["eve: 0"]);
  assertEquals(new Set(faults(ada)), new Set(["GAP", "BAD_STEP"]));
  // Nobody else pays for it, and the debt is forgotten.
  bo.member.enter("unmoved");
  await room.settle();
  assertEquals(shown(ada).at(-1), "bo: unmoved");
  room.clock.advance(10_000);
  const digest = await audienceDigest([eve.self.member, ada.self.member, bo.self.member]);
  const chain = await eve.chain(CONVERSATION.group, 9);
  await eve.give(ada, chain);
  for (let step = 0; step < 40; step++) await eve.skip(chain);
  await eve.say(chain, "later", 0, digest, 9);
  assertEquals(shown(ada).at(-1), "eve: later");
});

// Questions.

Deno.test("questions without end are answered a few times, and charged to the one who asks", async () => {
  const room = new TestRoom({ limits: { framesPerSecond: 100 } });
  const ada = await room.join("ada");
  const bo = await room.join("bo");
  const eve = await Eve.join(room);
  for (let i = 0; i < 300; i++) await eve.progress(ada.self.member, true);
  await room.settle();
  const answers = () => eve.raw.frames(KIND.progress).length;
  assertEquals(answers(), PEER_TARIFF.question.burst);
  assertEquals(slowed(room), ["eve"]);
  bo.member.enter("still here");
  await room.settle();
  assertEquals([shown(ada), faults(ada)], [["bo: still here"], []]);
  room.clock.advance(1_000);
  await eve.progress(ada.self.member, true);
  await room.settle();
  assertEquals(answers(), PEER_TARIFF.question.burst + 1);
});

Deno.test("an answer that was asked for is free for who answers, and one that nobody asked for is not", async () => {
  const room = new TestRoom({ limits: { framesPerSecond: 100 } });
  const ada = await Eve.join(room, "ada", 8);
  const eve = await Eve.join(room);
  for (let i = 0; i < 300; i++) {
    await eve.progress(ada.self.member, true);
    await ada.progress(eve.self.member, false);
  }
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
  for (let i = 0; i < 300; i++) await ada.progress(eve.self.member, false);
  await room.settle();
  assertEquals(slowed(room), ["eve", "ada"]);
});

// Audiences.

Deno.test("an audience of thousands who are not there is looked up once, and charged to who declares it", async () => {
  const room = new TestRoom();
  const ada = await room.join("ada");
  const eve = await Eve.join(room);
  const absent = Array.from({ length: 9_998 }, () => crypto.getRandomValues(new Uint8Array(32)));
  eve.raw.send(encodeAudience(1, [...absent, ada.self.member]));
  await room.settle();
  const audience = room.relay.member(eve.self.member)?.audience(1);
  assertEquals(audience, [ada.self.key]);
  eve.raw.send(unsignedFrame(eve.self.member, 17, 1));
  await room.settle();
  assertEquals([faults(ada), slowed(room)], [["BAD_SIGNATURE"], []]);
  // 64 MiB of fan-out at once are 26 declarations of that size, and not a thousand.
  for (let i = 0; i < 40; i++) eve.raw.send(encodeAudience(1, absent));
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
});

Deno.test("who has left since an audience was declared is charged for too, and who comes later is not in it", async () => {
  const room = new TestRoom({ limits: { fanoutPerSecond: 10_000, framesPerSecond: 1e6 } });
  const eve = await Eve.join(room);
  const ada = await room.join("ada");
  eve.raw.send(encodeAudience(1, [ada.self.member]));
  await room.settle();
  ada.member.leave();
  await room.settle();
  for (let i = 0; i < 100; i++) eve.raw.send(unsignedFrame(eve.self.member, 17, 1));
  await room.settle();
  assertEquals(slowed(room), ["eve"]);
});

// Joins.

/** A connection that says where it comes from. */
class Caller {
  readonly #connection;
  readonly #reader = new FrameReader(() => BOUND.frame);
  readonly #room: TestRoom;
  #challenge: ReturnType<Admission["take"]>;
  isIn = false;
  bye: Reason | undefined;

  constructor(room: TestRoom, hostname: string) {
    this.#room = room;
    this.#connection = room.relay.connect(fakeLink({ send: (bytes) => this.#take(bytes) }), {
      hostname,
      port: 1,
    });
    if (this.bye === undefined) this.#connection.receive(encodeGreeting());
  }

  #take(bytes: Bytes): void {
    for (const frame of this.#reader.push(bytes)) {
      if (frame.kind === KIND.bye) this.bye = readBye(frame.payload);
      else if (frame.kind === KIND.roster) this.isIn = true;
      else if (frame.kind === KIND.challenge) this.#challenge = new Admission().take(frame);
    }
  }

  /** Joins, by a proof that holds or not. */
  async join(name: string, keyIndex: number, holds: boolean): Promise<void> {
    const self = await credentialOf(name, keyIndex, this.#room.clock.now);
    const challenge = this.#challenge;
    if (challenge === undefined || !("nonce" in challenge)) throw new Error("no challenge came");
    const nonce = holds ? challenge.nonce : new Uint8Array(32);
    const dialled = { host: "room.test", port: 4396 };
    this.#connection.receive(await answerChallenge(self, dialled, challenge.room, nonce));
  }
}

Deno.test("connections of one address push out each other, and a newcomer of another stays and joins", async () => {
  const room = new TestRoom({ limits: { pending: 50, perAddress: 1e6, joinsPerAddress: 1e6 } });
  const [ada, bo] = [await room.join("ada"), await room.join("bo")];
  const junk: Caller[] = [];
  const pour = (count: number) => {
    for (let i = 0; i < count; i++) junk.push(new Caller(room, "192.0.2.1"));
  };
  pour(60);
  const honest = new Caller(room, "198.51.100.7");
  pour(60);
  assertEquals(junk.filter(({ bye }) => bye === "TOO_MANY_PENDING").length, 71);
  assertEquals([honest.bye, room.relay.pending], [undefined, 50]);
  // Proofs that do not hold, one after another.
  const joins = junk.filter(({ bye }) => bye === undefined).map((one) => one.join("x", 7, false));
  await Promise.all(joins);
  await honest.join("cy", 6, true);
  pour(60);
  await until(() => honest.isIn, "the newcomer is in");
  assertEquals(honest.bye, undefined);
  assert(junk.some(({ bye }) => bye === "BAD_PROOF"));
  ada.member.enter("still here");
  await room.settle();
  assertEquals(shown(bo), ["ada: still here"]);
});
