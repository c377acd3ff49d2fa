/**
 * Short words between members of a room, through a relay that may be the attacker.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import { Words, type WordsEvent } from "../../../lib/chat/trust/words.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { type Seat, shown, type Tamper, TestRoom } from "../room.ts";

/** A member whose program compares words. */
interface Talker {
  readonly seat: Seat;
  readonly words: () => Words;
  readonly told: WordsEvent[];
  /** The peer with a name. */
  peer(name: string): Peer;
  /** The words that it shows now. */
  readonly shows: string | undefined;
}

/** Joins a room as somebody who compares words, with keys of a number of the pool. */
async function talker(
  room: TestRoom,
  name: string,
  options: { readonly keys?: number; readonly tamper?: Tamper } = {},
): Promise<Talker> {
  const told: WordsEvent[] = [];
  let words: Words | undefined;
  room.listeners.set(name, (event: MemberEvent) => {
    if (event.kind === "admitted") {
      words = new Words({ self: event.self, room: event.room, now: room.clock.now }, {
        send: (peer, body) => seat.member.sendNotice(peer, "words", body),
        event: (one) => told.push(one),
        wake: () => {},
        fail: (error) => room.failures.push(error),
      });
    } else if (event.kind === "reconnected" && event.anew === true) words!.enter(event.room);
    else if (event.kind === "left") words!.left(event.peer);
    else if (event.kind === "notice" && event.notice === "words") {
      words!.receive(event.peer, event.body);
    }
  });
  const seat = await room.enter(name, options.tamper, options.keys ?? room.seats.length);
  await room.settle();
  return {
    seat,
    words: () => words!,
    told,
    peer: (other) => seat.member.roster.byName(other)!,
    get shows() {
      return told.findLast(({ state }) => state === "shown")?.words?.join(" ");
    },
  };
}

/** Waits until the room and the words are at rest. */
async function rest(room: TestRoom): Promise<void> {
  // The list of words is read from a file once.
  for (let i = 0; i < 3; i++) await room.settle();
}

/** What a person was told last, as `state by`, and why. */
function last({ told }: Talker): string {
  const { state, by, why } = told.at(-1)!;
  return `${state} ${by}${why === undefined ? "" : ` ${why}`}`;
}

Deno.test("two members of a room see the same words, and a third member is not involved", async () => {
  const room = new TestRoom();
  const [ada, bo, cy] = [
    await talker(room, "ada"),
    await talker(room, "bo"),
    await talker(room, "cy"),
  ];
  ada.words().begin(ada.peer("bo"));
  await rest(room);
  assert(ada.shows !== undefined);
  assertEquals(ada.shows, bo.shows);
  assertEquals([bo.told[0]?.peer.credential.name, cy.told], ["ada", []]);
  ada.words().confirm(ada.peer("bo"));
  bo.words().confirm(bo.peer("ada"));
  await rest(room);
  assertEquals(ada.told.at(-1)?.both, true);
  assertEquals(bo.told.at(-1)?.both, true);
  for (const { seat } of [ada, bo, cy]) assertEquals(shown(seat), []);
});

/**
 * Two rooms of one attacker, who is bo for ada and ada for bo, and passes on what they write: neither of them can tell
 * from what they read.
 */
async function inTheMiddle() {
  const [first, second] = [new TestRoom(), new TestRoom()];
  const ada = await talker(first, "ada", { keys: 0 });
  const bo = await talker(second, "bo", { keys: 1 });
  const falseBo = await talker(first, "bo", { keys: 2 });
  const falseAda = await talker(second, "ada", { keys: 3 });
  const atRest = async () => {
    for (let i = 0; i < 2; i++) for (const room of [first, second]) await rest(room);
  };
  return { ada, bo, falseBo, falseAda, atRest };
}

Deno.test("an attacker in the middle with its own keys cannot make the words of both sides equal", async () => {
  const { ada, bo, falseBo, falseAda, atRest } = await inTheMiddle();
  ada.seat.member.enter("are you there?");
  await atRest();
  falseAda.seat.member.enter(shown(falseBo.seat)[0]!.slice("ada: ".length));
  await atRest();
  assertEquals(shown(bo.seat), ["ada: are you there?"]);

  // The attacker compares words with each of them, whoever begins.
  ada.words().begin(ada.peer("bo"));
  falseAda.words().begin(falseAda.peer("bo"));
  await atRest();
  assertEquals([ada.shows, bo.shows], [falseBo.shows, falseAda.shows]);
  assert(ada.shows !== undefined && bo.shows !== undefined);
  assertNotEquals(ada.shows, bo.shows);
});

Deno.test("an attacker in the middle that passes on the messages of the attempt is reported for a wrong nonce", async () => {
  const { ada, bo, falseBo, falseAda, atRest } = await inTheMiddle();
  const pass = async (from: Talker, to: Talker, name: string) => {
    const notice = from.seat.events.findLast(({ kind }) => kind === "notice")!;
    const { body } = notice as MemberEvent & { readonly kind: "notice"; readonly body: Bytes };
    assertEquals(to.seat.member.sendNotice(to.peer(name), "words", body), true);
    await atRest();
  };
  // The attacker's own programs stay silent.
  for (const one of [falseBo, falseAda]) one.words().receive = () => {};
  ada.words().begin(ada.peer("bo"));
  await atRest();
  await pass(falseBo, falseAda, "bo"); // the commitment
  await pass(falseAda, falseBo, "ada"); // bo's answer
  await pass(falseBo, falseAda, "bo"); // ada's nonce
  assert(ada.shows !== undefined);
  assertEquals([bo.shows, last(bo)], [undefined, "ended peer forged"]);
});

Deno.test("a relay that repeats frames neither starts an attempt nor changes the words", async () => {
  const room = new TestRoom();
  const ada = await talker(room, "ada");
  const repeat: Tamper = ({ kind, bytes }) => kind === KIND.pair ? [bytes, bytes] : [bytes];
  const bo = await talker(room, "bo", { tamper: repeat });
  ada.words().begin(ada.peer("bo"));
  await rest(room);
  assertEquals(ada.shows, bo.shows);
  assertEquals(bo.told.map(({ state }) => state), ["asked", "shown"]);
});

Deno.test("an attempt survives a lost connection, and ends in another room", async () => {
  const room = new TestRoom();
  const [ada, bo] = [await talker(room, "ada"), await talker(room, "bo")];
  bo.seat.cut();
  ada.words().begin(ada.peer("bo"));
  await rest(room);
  bo.seat.connect();
  await rest(room);
  assert(ada.shows !== undefined);
  assertEquals(ada.shows, bo.shows);
  assertEquals([last(ada), last(bo)], ["shown self", "shown peer"]);
  room.restart();
  for (const { seat } of [ada, bo]) seat.connect();
  await rest(room);
  assertEquals([last(ada), last(bo)], ["ended self stay", "ended self stay"]);
  bo.words().begin(bo.peer("ada"));
  await rest(room);
  assertEquals(ada.shows, bo.shows);
  bo.seat.member.leave();
  await rest(room);
  assertEquals(last(ada), "ended peer left");
});

Deno.test("words work with a new member of a locked room, and not with an excluded or changed one", async () => {
  const room = new TestRoom();
  const trust = new Trust({ known: KnownPeers.parse(""), strict: true });
  room.policies.set("ada", trust);
  const [ada, bo] = [await talker(room, "ada"), await talker(room, "bo")];
  assert(trust.obstacle(ada.peer("bo")) !== undefined);
  bo.words().begin(bo.peer("ada"));
  await rest(room);
  assert(ada.shows !== undefined);
  assertEquals(ada.shows, bo.shows);
  ada.words().refuse(ada.peer("bo"));
  await rest(room);
  trust.exclude(ada.peer("bo").credential);
  ada.words().begin(ada.peer("bo"));
  await rest(room);
  assertEquals(last(ada), "ended self unsent");
  const known = KnownPeers.parse(`bo SHA256:${"x".repeat(42)}A 2026-11-01 verified\n`);
  assertEquals(new Trust({ known }).mayNotify(ada.peer("bo")), false);
});
