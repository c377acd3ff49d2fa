/**
 * A relay that lies about who is who: what the user is told, and that no key goes to the impostor.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/credential.ts";
import { KnownPeers, type KnownPeersChange } from "../../../lib/chat/trust/known_peers.ts";
import { Trust, type TrustOptions } from "../../../lib/chat/trust/trust.ts";
import { encodeJoined } from "../../../lib/chat/wire/control.ts";
import { readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { RawMember } from "../raw_member.ts";
import { credentialOf, faults, type Seat, shown, type Tamper, TestRoom, until } from "../room.ts";

/** The keys of these people, by number of the pool. */
const KEYS = { ada: 0, bo: 1, cy: 2, mallory: 3 } as const;

/** ada at her screen, with a file of known peers, in a room of a relay that may lie. */
async function adaKnowing(
  known: Readonly<Record<string, keyof typeof KEYS>>,
  options: Partial<TrustOptions> = {},
  tamper: Tamper | undefined = undefined,
) {
  const room = new TestRoom();
  const lines = await Promise.all(
    Object.entries(known).map(async ([name, keys]) => {
      const { fingerprint } = await credentialOf(name, KEYS[keys], room.clock.now);
      return `${name} ${fingerprint} 2026-11-01 verified\n`;
    }),
  );
  const remembered: KnownPeersChange[] = [];
  const trust = new Trust({
    known: KnownPeers.parse(lines.join("")),
    remember: (change) => remembered.push(change),
    ...options,
  });
  const transcript = new Transcript({ style: makeStyle(false), echo: true, who: trust });
  const screen: string[] = [];
  room.policies.set("ada", trust);
  room.listeners.set("ada", (event) => {
    if (event.kind === "joined" || event.kind === "confirmed") trust.meet(event.peer);
    screen.push(...transcript.event(event));
  });
  const ada = await room.join("ada", tamper);
  const enter = async (name: string, keys: keyof typeof KEYS) => {
    const seat = await room.enter(name, undefined, KEYS[keys]);
    await until(() => ada.member.roster.byName(name) !== undefined, `ada has seen ${name}`);
    await room.settle();
    return seat;
  };
  const say = async (seat: Seat, text: string) => {
    const entered = seat.member.enter(text);
    await room.settle();
    return entered;
  };
  return { room, trust, remembered, screen, ada, enter, say };
}

/** The ciphertext of an empty notice: its padded plaintext and the tag. A grant of a key is longer. */
const NOTICE_BYTES = 32 + 16;

/** Whether a member has sent a pair frame that has room for the key of a chain to the member with a number. */
function gaveKeyTo(from: Seat, to: number): boolean {
  return from.sent.filter((bytes) => bytes[4] === KIND.pair)
    .map((bytes) => readPair(bytes.subarray(FRAME_HEADER_BYTES)))
    .some(({ header, ciphertext }) => header.recipient === to && ciphertext.length > NOTICE_BYTES);
}

/** The number of a member of the room, as ada lists it. */
function numberOf(ada: Seat, name: string): number {
  return ada.member.roster.byName(name)!.number;
}

function said(screen: readonly string[], text: string): boolean {
  return screen.join("\n").includes(text);
}

Deno.test("an identity that a relay invents for a known name gets no key, and the person is warned", async () => {
  const { screen, ada, enter, say, remembered } = await adaKnowing({ bo: "bo" });
  const impostor = await enter("bo", "mallory");
  await say(ada, "the secret");
  await say(impostor, "it is me, bo");
  assert(said(screen, "THE KEY OF bo HAS CHANGED"));
  assert(said(screen, impostor.self.fingerprint), "the new fingerprint is shown");
  assert(said(screen, "no one received that: bo does not receive your messages"));
  assert(!said(screen, "it is me"));
  assertEquals(faults(ada), ["HIDDEN"]);
  assertEquals([gaveKeyTo(ada, numberOf(ada, impostor.self.name)), shown(impostor)], [false, []]);
  const whisper = ada.member.enter("the secret", "bo");
  assertEquals(whisper.ok ? "sent" : whisper.code, "EXCLUDED");
  assertEquals(remembered, []);
});

Deno.test("an identity that a relay invents for a new name gets no key from a member with --strict or --expect", async () => {
  const { fingerprint } = await credentialOf("bo", KEYS.bo, () => 1_700_000_000_000);
  for (const options of [{ strict: true }, { expected: [fingerprint] }]) {
    const { screen, ada, enter, say, remembered } = await adaKnowing({ bo: "bo" }, options);
    const bo = await enter("bo", "bo");
    const invented = await enter("eve", "mallory");
    await say(ada, "for bo");
    assertEquals([shown(bo), shown(invented)], [["ada: for bo"], []]);
    assertEquals([
      gaveKeyTo(ada, numberOf(ada, bo.self.name)),
      gaveKeyTo(ada, numberOf(ada, invented.self.name)),
    ], [true, false]);
    assert(
      said(
        screen,
        "strict" in options ? "new, and the room is locked" : "not in your --expect list",
      ),
    );
    assertEquals(remembered, []);
  }
});

Deno.test("two identities that swap names get no key, and the warning names both", async () => {
  const { screen, ada, enter, say } = await adaKnowing({ bo: "bo", cy: "cy" });
  const bo = await enter("bo", "cy");
  const cy = await enter("cy", "bo");
  await say(ada, "the secret");
  assertEquals([
    gaveKeyTo(ada, numberOf(ada, bo.self.name)),
    gaveKeyTo(ada, numberOf(ada, cy.self.name)),
  ], [false, false]);
  assert(said(screen, `it is  ${bo.self.fingerprint}, the key of cy (verified)`));
  assert(said(screen, `it is  ${cy.self.fingerprint}, the key of bo (verified)`));
});

Deno.test("an identity verified under one name is not verified under another", async () => {
  const { screen, ada, enter, say } = await adaKnowing({ mallory: "mallory" }, { strict: true });
  const renamed = await enter("bo", "mallory");
  await say(ada, "the secret");
  assertEquals(gaveKeyTo(ada, numberOf(ada, renamed.self.name)), false);
  assert(said(screen, "has the same key as mallory (verified)"));
});

Deno.test("an old credential that a relay replays reads nothing, stays unconfirmed and is not remembered", async () => {
  const clock = new TestRoom().clock.now;
  const old = await credentialOf("bo", KEYS.bo, clock);
  let replayed = false;
  const { room, trust, remembered, ada, say } = await adaKnowing({}, {}, ({ kind, bytes }) => {
    if (kind !== KIND.joined || replayed) return [bytes];
    replayed = true;
    return [encodeJoined({ number: 2, credential: old.bytes, renewal: NO_RENEWAL })];
  });
  const cy = await room.enter("cy", undefined, KEYS.cy);
  await until(() => ada.member.roster.byName("bo") !== undefined, "bo is listed");
  await room.settle();
  await say(ada, "the secret");
  const bo = ada.member.roster.byName("bo")!;
  // cy's frames come under bo's number: they do not hold.
  assertEquals([bo.confirmed, faults(ada).includes("ROSTER_DIFFERS")], [false, true]);
  assertEquals(remembered, []);
  const list = new Transcript({ style: makeStyle(false), echo: true, who: trust })
    .roster(ada.member.peers(), ada.self);
  assert(said(list, "not heard from"));
  // bo is given keys, which only bo's session key opens, and cy is in bo's place on the wire.
  assert(gaveKeyTo(ada, 2));
  assertEquals(shown(cy), []);
  assertEquals(ada.events.some(({ kind }) => kind === "delivered"), false);
});

Deno.test("/verify fails if the key has changed since /fingerprint", async () => {
  const { room, trust, screen, ada, enter, say } = await adaKnowing({});
  const bo = await enter("bo", "bo");
  trust.show(bo.self);
  // While ada reads the digits over the telephone, the relay puts somebody else in bo's place.
  bo.member.leave();
  await until(() => ada.member.roster.byName("bo") === undefined, "bo has left");
  const impostor = await enter("bo", "mallory");
  const verified = trust.verify(ada.member.roster.byName("bo")!.credential);
  assertEquals(verified.ok ? "OK" : verified.code, "KEY_CHANGED");
  assert(said(screen, "THE KEY OF bo HAS CHANGED"));
  await say(ada, "the secret");
  assertEquals(gaveKeyTo(ada, numberOf(ada, impostor.self.name)), false);
  await room.settle();
});

Deno.test("/verify fails without a known-peers file, too, if the key has changed since /fingerprint", async () => {
  const { trust, ada, screen, enter } = await adaKnowing({}, { remember: undefined });
  const bo = await enter("bo", "bo");
  trust.show(bo.self);
  bo.member.leave();
  await until(() => ada.member.roster.byName("bo") === undefined, "bo has left");
  await enter("bo", "mallory");
  const verified = trust.verify(ada.member.roster.byName("bo")!.credential);
  assertEquals(verified.ok ? "OK" : verified.code, "FINGERPRINT_CHANGED");
  assert(said(screen, `NOT the key that bo had before, ${bo.self.fingerprint}`));
});

/** Forwards what a victim says to another relay, and what that says to the victim. */
async function forwarded(publicNames: readonly string[]) {
  const relay = new TestRoom({ publicNames });
  const victim = await credentialOf("ada", KEYS.ada, relay.clock.now);
  const forwarder = new RawMember(relay.relay);
  // The victim dialled room.test, and answers whatever challenge comes from there.
  await forwarder.answer(victim);
  await until(() => forwarder.ended || forwarder.frames(KIND.roster).length > 0, "an answer came");
  return { relay, forwarder };
}

Deno.test("a relay that knows its name refuses a join that was forwarded from another name", async () => {
  const { relay, forwarder } = await forwarded(["real.test"]);
  assertEquals([forwarder.bye, relay.relay.size], ["BAD_PROOF", 0]);
  const refused = relay.relayEvents.flatMap((one) => one.kind === "refused" ? [one.detail] : []);
  assertEquals(refused, ["it dialled room.test, port 4396"]);
});

Deno.test("a relay that knows its name admits members that dialled that name, with or without a port", async () => {
  for (const name of ["room.test", "ROOM.test:4396"]) {
    assertEquals((await forwarded([name])).relay.relay.size, 1, name);
  }
  assertEquals((await forwarded(["room.test:4397"])).relay.relay.size, 0);
});

Deno.test("an undetected forwarder gets no key and cannot open the frames that it carries", async () => {
  const room = new TestRoom();
  const trust = new Trust({ known: KnownPeers.parse("") });
  room.policies.set("ada", trust);
  const bo = await room.join("bo");
  const carried: Bytes[] = [];
  const ada = await room.join("ada", ({ kind, bytes }) => {
    if (kind === KIND.sealed || kind === KIND.pair) carried.push(bytes);
    return [bytes];
  });
  bo.member.enter("the secret");
  await room.settle();
  assertEquals(shown(ada), ["bo: the secret"]);
  // Every key that it carried is for ada, who is in the room; the forwarder is nobody there.
  const pairs = carried.filter((bytes) => bytes[4] === KIND.pair);
  assert(pairs.length > 0);
  for (const bytes of pairs) {
    const { header } = readPair(bytes.subarray(FRAME_HEADER_BYTES));
    assertEquals(header.recipient, bo.member.roster.byName("ada")!.number);
  }
  assert(carried.every((bytes) => !new TextDecoder().decode(bytes).includes("secret")));
});
