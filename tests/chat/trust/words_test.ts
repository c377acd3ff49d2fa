/**
 * Short words: how two programs agree on them, and what an attacker in the middle can do.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { wordlist } from "@scure/bip39/wordlists/english";
import { type Bytes, mapKey, sha256, utf8 } from "../../../lib/base/bytes.ts";
import type { Credential } from "../../../lib/chat/identity/credential.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import { WORDS } from "../../../lib/chat/trust/word_list.ts";
import {
  ANSWER_MS,
  ATTEMPTS_OF_ALL,
  ATTEMPTS_OF_ONE,
  commitmentOf,
  encodeWordsMessage,
  NONCE_BYTES,
  readWordsMessage,
  SHOWN_MS,
  wordNumbers,
  Words,
  type WordsEvent,
  type WordsMessage,
  wordsWith,
} from "../../../lib/chat/trust/words.ts";
import { compareBytes } from "../../../lib/chat/wire/history.ts";
import { Clock, until } from "../keys.ts";

const ROOM: Bytes = new Uint8Array(32).fill(1);
const OTHER_ROOM: Bytes = new Uint8Array(32).fill(2);

/** A member as words know it: its hash stands for its credential. Lower ranks have lower hashes. */
async function peerOf(name: string, rank: number): Promise<Peer> {
  const member = (await sha256(utf8(name))).with(0, rank) as Bytes;
  const fingerprint = `SHA256:${name}`;
  const credential = { member, key: mapKey(member), name, folded: name, fingerprint };
  return { number: rank, credential: credential as Credential, confirmed: true, away: false };
}

const [ADA, BO, CY] = await Promise.all([peerOf("ada", 1), peerOf("bo", 2), peerOf("cy", 3)]);

/** A program that compares words, and all that its person is told and its peers are sent. */
class Side {
  readonly events: WordsEvent[] = [];
  readonly sent: { readonly to: Peer; readonly body: Bytes }[] = [];
  /** What has been taken of {@linkcode sent}. */
  carried = 0;
  reachable = true;
  readonly words: Words;

  constructor(
    readonly peer: Peer,
    readonly clock: Clock,
    build: typeof Words = Words,
  ) {
    this.words = new build({ self: peer.credential, room: ROOM, now: clock.now }, {
      send: (to, body) => {
        if (this.reachable) this.sent.push({ to, body });
        return this.reachable;
      },
      event: (event) => this.events.push(event),
      wake: () => {},
      fail: (error) => {
        throw error;
      },
    });
  }

  /** What the person was told, as `state by` and what there is beside it. */
  get told(): string[] {
    return this.events.map(({ state, by, why, both }) =>
      [state, by, ...why === undefined ? [] : [why], ...both ? ["both"] : []].join(" ")
    );
  }

  /** The words that were shown last. */
  get shown(): string | undefined {
    return this.events.findLast(({ state }) => state === "shown")?.words?.join(" ");
  }

  /** The messages that were sent. */
  get messages(): WordsMessage[] {
    return this.sent.map(({ body }) => readWordsMessage(body)!);
  }
}

/** Two sides whose notices reach each other. */
class Two {
  readonly clock = new Clock();
  readonly ada = new Side(ADA, this.clock);
  readonly bo = new Side(BO, this.clock);

  /** Carries what was sent until nothing more comes; a change of it may drop it. */
  async carry(change: (body: Bytes, from: Side) => readonly Bytes[] = (body) => [body]) {
    for (let quiet = 0; quiet < 20;) {
      quiet += 1;
      for (const [from, to] of [[this.ada, this.bo], [this.bo, this.ada]] as const) {
        for (const { body } of from.sent.slice(from.carried)) {
          from.carried += 1;
          quiet = 0;
          for (const one of change(body, from)) to.words.receive(from.peer, one);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}

/** Two sides that show words; ada has begun. */
async function twoShown(): Promise<Two> {
  const two = new Two();
  two.ada.words.begin(BO);
  await two.carry();
  return two;
}

/** A message of an attacker. */
function message(kind: WordsMessage["kind"], commitment: Bytes, nonce?: Bytes): Bytes {
  return encodeWordsMessage({ kind, commitment, ...nonce && { nonce } } as WordsMessage);
}

Deno.test("the word list is the English list of BIP-39", () => {
  assertEquals(WORDS, wordlist);
});

Deno.test("two programs show the same four words of the list, and different ones in each attempt", async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { ada, bo } = await twoShown();
    assertEquals(ada.shown, bo.shown);
    assertEquals(ada.shown!.split(" ").length, 4);
    assertEquals([ada.told, bo.told], [["asked self", "shown self"], ["asked peer", "shown peer"]]);
    seen.add(ada.shown!);
  }
  assertEquals(seen.size, 3);
});

Deno.test("each person confirms the words and is told of the other's confirmation", async () => {
  const { ada, bo, ...two } = await twoShown().then((two) => ({ ...two, two }));
  bo.words.confirm(ADA);
  await two.two.carry();
  assertEquals(ada.told.at(-1), "confirmed peer");
  assertEquals(ada.events.at(-1)?.confirmed, false);
  ada.words.confirm(BO);
  await two.two.carry();
  assertEquals([ada.told.at(-1), bo.told.at(-1)], ["confirmed self both", "confirmed peer both"]);
  // It is over: nothing ends it later, and a new attempt may begin.
  two.clock.advance(SHOWN_MS);
  for (const side of [ada, bo]) side.words.tick();
  assertEquals([ada.told.at(-1), bo.told.at(-1)], ["confirmed self both", "confirmed peer both"]);
  assertEquals(ada.words.wakeAt, Infinity);
});

Deno.test("a person who says that the words differ ends the attempt on both sides", async () => {
  const two = await twoShown();
  two.ada.words.confirm(BO);
  assertEquals(two.bo.words.refuse(ADA), true);
  await two.carry();
  assertEquals(two.bo.told.at(-1), "differ self");
  assertEquals([two.ada.told.at(-1), two.ada.events.at(-1)?.confirmed], ["differ peer", true]);
  assertEquals([two.ada.words.isShown(BO), two.bo.words.isShown(ADA)], [false, false]);
  assertEquals(two.bo.words.refuse(ADA), false);
});

Deno.test("two members that begin at once make one attempt, which the lower hash initiates", async () => {
  assert(compareBytes(ADA.credential.member, BO.credential.member) < 0);
  const two = new Two();
  two.ada.words.begin(BO);
  two.bo.words.begin(ADA);
  await two.carry();
  assertEquals(two.ada.told, ["asked self", "shown self"]);
  assertEquals(two.bo.told, ["asked self", "asked peer", "shown peer"]);
  assertEquals(two.ada.shown, two.bo.shown);
});

Deno.test("an attempt without an answer in time is reported, and a late answer is ignored", async () => {
  const two = new Two();
  two.ada.words.begin(BO);
  const held: Bytes[] = [];
  await two.carry((body) => {
    held.push(body);
    return [];
  });
  assertEquals(two.ada.words.wakeAt, two.clock.now() + ANSWER_MS);
  two.clock.advance(ANSWER_MS);
  two.ada.words.tick();
  assertEquals(two.ada.told.at(-1), "ended peer unanswered");
  for (const body of held) two.bo.words.receive(ADA, body);
  await two.carry();
  assertEquals([two.ada.shown, two.bo.shown], [undefined, undefined]);
  assertEquals(two.bo.told, ["asked peer", "ended peer given up"]);
});

Deno.test("words that are not confirmed in time expire", async () => {
  const two = await twoShown();
  two.clock.advance(SHOWN_MS);
  two.ada.words.tick();
  await two.carry();
  assertEquals(
    [two.ada.told.at(-1), two.bo.told.at(-1)],
    ["ended self expired", "ended peer given up"],
  );
  two.ada.words.confirm(BO);
  assertEquals(two.ada.told.at(-1), "ended self expired");
});

Deno.test("an attempt ends when the peer leaves or the member begins another stay", async () => {
  const two = await twoShown();
  two.ada.words.left(BO);
  two.bo.words.enter(OTHER_ROOM);
  assertEquals(
    [two.ada.told.at(-1), two.bo.told.at(-1)],
    ["ended peer left", "ended self stay"],
  );
  // What was sent before has no effect in the next stay.
  const { length } = two.bo.events;
  for (const { body } of two.ada.sent.slice(1)) two.bo.words.receive(ADA, body);
  two.ada.words.enter(OTHER_ROOM);
  assertEquals(two.bo.events.length, length);
  two.ada.words.begin(BO);
  await two.carry();
  assertEquals([two.ada.told.at(-1), two.ada.shown], ["shown self", two.bo.shown]);
});

Deno.test("an attempt with a member that cannot be sent notices fails at once", async () => {
  const two = new Two();
  two.ada.reachable = false;
  two.ada.words.begin(BO);
  await two.carry();
  assertEquals(two.ada.told, ["asked self", "ended self unsent"]);
});

Deno.test("/verify during an attempt reports its state again", async () => {
  const two = new Two();
  two.ada.words.begin(BO);
  two.ada.words.begin(BO);
  await two.carry();
  two.ada.words.begin(BO);
  assertEquals(two.ada.told, ["asked self", "asked self", "shown self", "shown self"]);
  assertEquals(two.ada.messages.map(({ kind }) => kind), ["commit", "reveal"]);
});

Deno.test("a person can give up an attempt that has no words yet", async () => {
  const two = new Two();
  two.ada.words.begin(BO);
  await two.carry(() => []);
  assertEquals(two.ada.words.refuse(BO), true);
  assertEquals(two.ada.told.at(-1), "ended self given up");
});

// Attackers.

Deno.test("the words bind the room, both members and both nonces", async () => {
  const nonces = { initiator: new Uint8Array(32).fill(3), responder: new Uint8Array(32).fill(4) };
  const scope = { room: ROOM, initiator: ADA.credential.member, responder: BO.credential.member };
  const base = await wordNumbers(scope, nonces);
  const others = [
    await wordNumbers({ ...scope, room: OTHER_ROOM }, nonces),
    await wordNumbers({ ...scope, initiator: CY.credential.member }, nonces),
    await wordNumbers({ ...scope, responder: CY.credential.member }, nonces),
    await wordNumbers({ ...scope, initiator: scope.responder, responder: scope.initiator }, nonces),
    await wordNumbers(scope, { ...nonces, initiator: nonces.responder }),
    await wordNumbers(scope, { ...nonces, responder: nonces.initiator }),
  ];
  for (const other of others) assertNotEquals(other, base);
  const commitments = await Promise.all([
    commitmentOf(scope, nonces.initiator),
    commitmentOf({ ...scope, room: OTHER_ROOM }, nonces.initiator),
    commitmentOf({ ...scope, initiator: CY.credential.member }, nonces.initiator),
    commitmentOf({ ...scope, responder: CY.credential.member }, nonces.initiator),
    commitmentOf(scope, nonces.responder),
  ]);
  assertEquals(new Set(commitments.map(mapKey)).size, 5);
});

/**
 * An attacker that is ada's peer and bo's peer, and wants both to see the same words. It has shown ada words. To bo it
 * has committed to one nonce, and it reveals another once it has bo's: one that makes bo's first word ada's first word.
 */
async function chooseLate(bo: Side): Promise<{ wanted: string }> {
  const wanted = "zebra";
  const attacker = CY;
  const scope = {
    room: ROOM,
    initiator: attacker.credential.member,
    responder: bo.peer.credential.member,
  };
  const commitment = await commitmentOf(scope, new Uint8Array(NONCE_BYTES));
  bo.words.receive(attacker, message("commit", commitment));
  const answer = bo.messages.at(-1)!;
  assert(answer.kind === "answer");
  const nonce = new Uint8Array(NONCE_BYTES);
  for (let tries = 0;; tries++) {
    new DataView(nonce.buffer).setUint32(0, tries);
    const numbers = await wordNumbers(scope, { initiator: nonce, responder: answer.nonce });
    if ((await wordsWith(numbers))[0] === wanted) break;
  }
  bo.words.receive(attacker, message("reveal", commitment, nonce));
  await until(() => bo.events.length > 1, "bo is told");
  return { wanted };
}

Deno.test("a nonce that does not match its commitment is refused, and the person is warned", async () => {
  const bo = new Side(BO, new Clock());
  await chooseLate(bo);
  assertEquals(bo.told, ["asked peer", "ended peer forged"]);
  assertEquals([bo.shown, bo.messages.at(-1)?.kind], [undefined, "over"]);
});

/** A build that takes whatever is revealed. */
class Gullible extends Words {
  protected override isKept(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

Deno.test("without the commitment a responder could choose the words by trying nonces", async () => {
  const bo = new Side(BO, new Clock(), Gullible);
  const { wanted } = await chooseLate(bo);
  // One word took 2,048 tries on average; four take 2^44, or 2^22 where both nonces are free.
  assertEquals(bo.shown?.split(" ")[0], wanted);
});

Deno.test("an initiator reveals its nonce only after the first answer", async () => {
  const ada = new Side(ADA, new Clock());
  ada.words.begin(BO);
  await until(() => ada.sent.length === 1, "ada has committed");
  const { commitment } = ada.messages[0]!;
  // Neither an answer to another commitment nor a reveal or a confirmation makes it speak.
  const nonce = new Uint8Array(NONCE_BYTES).fill(5);
  for (const kind of ["reveal", "same"] as const) {
    ada.words.receive(BO, message(kind, commitment, nonce));
  }
  ada.words.receive(BO, message("answer", new Uint8Array(32), nonce));
  ada.words.receive(CY, message("answer", commitment, nonce));
  assertEquals(ada.sent.length, 1);
  ada.words.receive(BO, message("answer", commitment, nonce));
  ada.words.receive(BO, message("answer", commitment, new Uint8Array(NONCE_BYTES).fill(6)));
  await until(() => ada.shown !== undefined, "ada has words");
  assertEquals(ada.messages.map(({ kind }) => kind), ["commit", "reveal"]);
  const scope = { room: ROOM, initiator: ADA.credential.member, responder: BO.credential.member };
  const own = ada.messages[1] as WordsMessage & { nonce: Bytes };
  const numbers = await wordNumbers(scope, { initiator: own.nonce, responder: nonce });
  assertEquals(ada.shown, (await wordsWith(numbers)).join(" "));
  assertEquals(await commitmentOf(scope, own.nonce), commitment);
});

Deno.test("a member's own messages, sent back by the peer, make no words", async () => {
  const ada = new Side(ADA, new Clock());
  ada.words.begin(BO);
  await until(() => ada.sent.length === 1, "ada has committed");
  const [commit] = ada.sent;
  // BO's hash is higher, so ada goes on; CY, which did not begin, is answered as any other.
  ada.words.receive(BO, commit!.body);
  ada.words.receive(CY, commit!.body);
  const { commitment } = ada.messages[0]!;
  ada.words.receive(BO, message("answer", commitment, new Uint8Array(NONCE_BYTES)));
  await until(() => ada.shown !== undefined, "ada has words with bo");
  const reveal = ada.messages.findLast(({ kind }) => kind === "reveal")!;
  ada.words.receive(CY, encodeWordsMessage(reveal));
  await until(() => ada.told.includes("ended peer forged"), "cy's copy does not fit");
});

Deno.test("a repeated commitment is not answered", async () => {
  const two = new Two();
  const commits: Bytes[] = [];
  two.ada.words.begin(BO);
  await two.carry((body, from) => {
    if (from === two.ada) commits.push(body);
    return [body, body];
  });
  assertEquals(two.bo.told, ["asked peer", "shown peer"]);
  two.bo.words.left(ADA);
  for (const body of commits) two.bo.words.receive(ADA, body);
  assertEquals(two.bo.told.length, 3);
});

Deno.test("each attempt of a peer is reported to the person, even if the peer breaks it off", async () => {
  const bo = new Side(BO, new Clock());
  const scope = { room: ROOM, initiator: CY.credential.member, responder: BO.credential.member };
  const nonces = [1, 2].map((fill) => new Uint8Array(NONCE_BYTES).fill(fill));
  for (const nonce of nonces) {
    // It learns bo's nonce, and so the words, and does not reveal its own.
    bo.words.receive(CY, message("commit", await commitmentOf(scope, nonce)));
  }
  bo.words.tick();
  assertEquals(bo.told, ["asked peer", "ended peer again", "asked peer"]);
  const clock = bo.clock;
  clock.advance(ANSWER_MS);
  bo.words.tick();
  assertEquals(bo.told.at(-1), "ended peer unfinished");
});

Deno.test("attempts of one peer, and of all peers together, are answered at a limited rate", async () => {
  const clock = new Clock();
  const bo = new Side(BO, clock);
  let made = 0;
  const attempt = (peer: Peer) =>
    bo.words.receive(peer, message("commit", new Uint8Array(32).fill(++made)));
  const answers = () => bo.messages.filter(({ kind }) => kind === "answer").length;
  for (let i = 0; i < 20; i++) attempt(CY);
  assertEquals(answers(), ATTEMPTS_OF_ONE.burst);
  clock.advance(60_000);
  for (let i = 0; i < 20; i++) attempt(CY);
  assertEquals(answers(), 2 * ATTEMPTS_OF_ONE.burst);
  clock.advance(600_000);
  const before = answers();
  const crowd = await Promise.all(
    Array.from({ length: 40 }, (_, i) => peerOf(`guest ${i}`, 100 + i)),
  );
  for (const peer of crowd) attempt(peer);
  assertEquals(answers() - before, ATTEMPTS_OF_ALL.burst);
});

Deno.test("a new attempt replaces shown words only with a line that they no longer count", async () => {
  const two = await twoShown();
  const first = two.bo.shown;
  two.bo.words.receive(ADA, message("commit", new Uint8Array(32).fill(9)));
  assertEquals(two.bo.told.slice(-2), ["ended peer again", "asked peer"]);
  assertEquals([two.bo.words.isShown(ADA), two.bo.shown], [false, first]);
});

Deno.test("messages of the wrong length are ignored", () => {
  const commitment = new Uint8Array(32).fill(7);
  const nonce = new Uint8Array(NONCE_BYTES).fill(8);
  const kinds = { commit: 1, answer: 2, reveal: 3, same: 4, differ: 5, over: 6 };
  for (const [kind, first] of Object.entries(kinds)) {
    const hasNonce = kind === "answer" || kind === "reveal";
    const body = new Uint8Array([first, ...commitment, ...hasNonce ? nonce : []]);
    assertEquals(encodeWordsMessage(readWordsMessage(body)!), body, kind);
    assertEquals(readWordsMessage(body.slice(0, -1)), undefined, kind);
    assertEquals(readWordsMessage(new Uint8Array([...body, 0])), undefined, kind);
  }
  for (const body of [[], [0, ...commitment], [7, ...commitment]]) {
    assertEquals(readWordsMessage(new Uint8Array(body)), undefined);
  }
});
