/**
 * The ledger: who is to take what was said, who has, and what is given up.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import { secureRandom } from "../../../lib/base/bytes.ts";
import type { Credential } from "../../../lib/chat/identity/credential.ts";
import { Ledger, MAX_KEPT_BYTES } from "../../../lib/chat/member/deliveries.ts";
import type { Contact, Entry, Line, Missed } from "../../../lib/chat/member/lines.ts";
import type { RoomContext } from "../../../lib/chat/member/options.ts";
import { keyChange, OwnChain } from "../../../lib/chat/member/own_chains.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import { STREAM, type Stream } from "../../../lib/chat/wire/content.ts";
import { Clock, credentialOf } from "../keys.ts";

const ROOM = secureRandom(32);
const ada = await credentialOf("ada", 0, new Clock().now);

/** A peer with a name: its other keys are ada's, since the ledger looks at none. */
function peerOf(name: string): Peer {
  const credential: Credential = { ...ada, name, folded: name, key: `the key of ${name}` };
  return { number: 1, credential, confirmed: true, away: false };
}

/** A ledger, and what it has told. */
class Book {
  readonly told: string[] = [];
  readonly ledger: Ledger = new Ledger((kind, { text }, missed) =>
    this.told.push(`${kind} ${text}${names(missed)}`)
  );
  now = 0;
  #displayed = 0;

  /** Somebody joins, and is displayed unless `isSeen` is false. */
  join(name: string, isSeen = true): Contact {
    const contact = this.ledger.add(peerOf(name), ++this.#joined, 0);
    if (isSeen) this.#displayed = this.#joined;
    return contact;
  }

  #joined = 0;

  /** All joinings so far are displayed. */
  display(): void {
    this.#displayed = this.#joined;
  }

  /** A line is entered. */
  enter(
    text: string,
    { to, bytes = 10, leftOut = [] }: {
      to?: Contact;
      bytes?: number;
      leftOut?: readonly Contact[];
    } = {},
  ): Entry {
    const { ledger } = this;
    const key = to?.peer.credential.key;
    const line: Line = {
      id: text,
      stream: to === undefined ? STREAM.group : STREAM.private,
      number: key === undefined ? ledger.nextNumber : ledger.nextPrivate(key),
      time: 0,
      text,
      bytes,
      to: to?.peer,
      version: 1,
      leftOut: new Set(leftOut.map(({ peer }) => peer.credential.key)),
    };
    ledger.enter(line, ROOM, this.#displayed);
    // It waits to be sealed, or its recipient is owed it.
    return (to === undefined ? ledger.pending : to.streams[STREAM.private].owed).at(-1)!;
  }

  /** The oldest line is sealed to contacts. */
  seal(...contacts: readonly Contact[]): Entry {
    const entry = this.ledger.pending.shift()!;
    for (const contact of contacts) {
      entry.heard = true;
      contact.streams[STREAM.group].send(entry.line.number);
    }
    this.ledger.sealed(entry);
    return entry;
  }

  /** A contact says how far it has come. */
  receipt(
    contact: Contact,
    through: number,
    withheld = 0,
    stream: Stream = STREAM.group,
  ): boolean {
    return this.ledger.receipt(contact, { stream, through, seen: through, withheld }, this.now);
  }

  /** What was told since it was looked at last. */
  get news(): string[] {
    return this.told.splice(0);
  }
}

function names(missed: readonly Missed[]): string {
  return missed.map(({ name, signed }) => `, missed by ${name}${signed ? " who signed" : ""}`)
    .join("");
}

Deno.test("a line is delivered once every recipient has taken it, and not before", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  const entry = book.enter("hello");
  assertEquals(book.ledger.backlog, { lines: 1, held: 1, bytes: 10, unsent: 1 });
  book.seal(bo, cy);
  book.ledger.accept(entry, book.now);
  assertEquals(book.news, ["sent hello"]);
  assertEquals(book.ledger.backlog.unsent, 0);
  assertEquals([book.receipt(bo, 1), book.news], [true, []]);
  assertEquals(book.receipt(bo, 1), false, "what was said before is no progress");
  assertEquals([book.receipt(cy, 1), book.news], [true, ["delivered hello"]]);
  assertEquals(book.ledger.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});

Deno.test("a line delivered before the relay has accepted it counts as sent", () => {
  const book = new Book();
  const bo = book.join("bo");
  book.enter("hello");
  book.seal(bo);
  book.receipt(bo, 1);
  assertEquals(book.news, ["sent hello", "delivered hello"]);
});

Deno.test("a receipt above the numbers that were sent counts as the highest of them", () => {
  const book = new Book();
  const bo = book.join("bo");
  book.enter("one");
  book.enter("two");
  book.seal(bo);
  assertEquals(book.receipt(bo, 1000), true);
  assertEquals([bo.streams[STREAM.group].through, book.news], [1, ["sent one", "delivered one"]]);
  book.seal(bo);
  assertEquals(book.news, []);
  book.receipt(bo, 2);
  assertEquals(book.news, ["sent two", "delivered two"]);
});

Deno.test("the recipients of a line are the members whose joining was displayed when it was entered", () => {
  const book = new Book();
  const bo = book.join("bo");
  const cy = book.join("cy", false);
  book.enter("before cy is seen");
  book.display();
  book.enter("after");
  assertEquals([bo.since, cy.since], [0, 1]);
  const [first, second] = [book.seal(bo), book.seal(bo, cy)];
  const isFor = (entry: Entry) => [bo, cy].map((one) => book.ledger.isFor(one, entry));
  assertEquals([isFor(first), isFor(second)], [[true, false], [true, true]]);
  book.receipt(bo, 2);
  assertEquals(book.news, ["sent before cy is seen", "delivered before cy is seen"]);
  book.receipt(cy, 2);
  assertEquals(book.news, ["sent after", "delivered after"]);
});

Deno.test("a member that the policy excludes is not a recipient", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  book.enter("not for cy", { leftOut: [cy] });
  book.seal(bo);
  book.receipt(bo, 1);
  assertEquals(book.news, ["sent not for cy", "delivered not for cy"]);
  // And whom it keeps when the line is sealed, though not when it was entered.
  const entry = book.enter("not for bo either");
  book.ledger.drop(bo, entry);
  book.seal(cy);
  assertEquals(book.ledger.isFor(bo, entry), false);
  book.receipt(cy, 2);
  assertEquals(book.news, ["sent not for bo either", "delivered not for bo either"]);
});

Deno.test("a line without recipients is reported as unheard", () => {
  const book = new Book();
  book.enter("is anybody there?");
  book.seal();
  assertEquals(book.news, ["unheard is anybody there?"]);
  assertEquals(book.ledger.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});

Deno.test("a recipient that leaves without a receipt is reported as missed, with whether it signed its leaving", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  book.enter("one");
  book.enter("two");
  book.seal(bo, cy);
  book.receipt(bo, 1);
  book.ledger.part("the key of bo", true);
  assertEquals(book.news, []);
  book.seal(cy);
  book.receipt(cy, 2);
  assertEquals(book.news, [
    "sent one",
    "delivered one",
    "sent two",
    "delivered two, missed by bo who signed",
  ]);
  book.enter("three");
  book.ledger.part("the key of cy", false);
  assertEquals(book.news, []);
  book.seal();
  assertEquals([book.news, book.ledger.size], [["unheard three, missed by cy"], 0]);
});

Deno.test("the lines up to the last withheld one are reported as missed, even if the receipt that said so first was lost", () => {
  const book = new Book();
  const bo = book.join("bo");
  for (const text of ["one", "two", "three"]) book.enter(text);
  for (let i = 0; i < 3; i++) book.seal(bo);
  book.receipt(bo, 1, 1);
  assertEquals(book.news, ["sent one", "delivered one, missed by bo"]);
  // The receipt that said first that the second line was withheld was lost.
  book.receipt(bo, 3, 2);
  assertEquals(
    book.news,
    ["sent two", "delivered two, missed by bo", "sent three", "delivered three"],
  );
});

Deno.test("a contact is late if it lacks a line that another contact has and that the relay accepted some time ago", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  const isLate = () => [bo, cy].map((one) => book.ledger.isLate(one, book.now - 1_000));
  const first = book.enter("one");
  book.seal(bo, cy);
  book.now = 100;
  book.receipt(bo, 1);
  book.now = 5_000;
  // It may still be on its way from this member to the relay.
  assertEquals(isLate(), [false, false]);
  book.ledger.accept(first, book.now);
  book.now = 6_000;
  assertEquals(isLate(), [false, false]);
  book.now = 6_001;
  assertEquals(isLate(), [false, true]);
  const second = book.enter("two");
  book.seal(bo, cy);
  book.ledger.accept(second, book.now);
  book.receipt(cy, 1);
  book.receipt(bo, 2);
  assertEquals(isLate(), [false, false]);
  book.now = 7_002;
  assertEquals(isLate(), [false, true]);
  book.receipt(cy, 2);
  assertEquals(isLate(), [false, false]);
});

Deno.test("a waiting line counts the members that have shown it, and names the others", () => {
  const book = new Book();
  const [bo, cy, di] = [book.join("bo"), book.join("cy"), book.join("di")];
  const entry = book.enter("hello");
  book.enter("psst", { to: cy });
  const told = () =>
    book.ledger.waiting(9).map(({ line, sent, shown, recipients, waitingFor }) => {
      const names = waitingFor.map(({ credential }) => credential.name);
      return [line.text, sent, `${shown} of ${recipients}`, ...names];
    });
  assertEquals(told(), [
    ["hello", false, "0 of 3", "bo", "cy", "di"],
    ["psst", false, "0 of 1", "cy"],
  ]);
  book.seal(bo, cy, di);
  book.ledger.accept(entry, 0);
  book.receipt(bo, 1);
  assertEquals(told()[0], ["hello", true, "1 of 3", "cy", "di"]);
  book.receipt(di, 1, 1);
  assertEquals(told()[0], ["hello", true, "1 of 3", "cy"], "di has withheld it");
  assertEquals(book.ledger.waiting(1).length, 1);
  book.receipt(cy, 1);
  assertEquals(told(), [["psst", false, "0 of 1", "cy"]]);
});

Deno.test("private lines have numbers, receipts and an end of their own", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  const whisper = book.enter("psst", { to: bo });
  book.enter("to all");
  assertEquals(whisper.line.number, 1);
  assertEquals([bo.streams[STREAM.private].owed, cy.streams[STREAM.private].owed], [[whisper], []]);
  bo.streams[STREAM.private].fly(1, 10);
  whisper.heard = true;
  book.seal(bo, cy);
  book.receipt(bo, 1);
  book.receipt(cy, 1);
  assertEquals(book.news, ["sent to all", "delivered to all"]);
  assertEquals(bo.streams[STREAM.private].flightBytes, 10);
  book.receipt(bo, 1, 0, STREAM.private);
  assertEquals(book.news, ["sent psst", "delivered psst"]);
  assertEquals(bo.streams[STREAM.private].flightBytes, 0);
  assertEquals(book.enter("again", { to: bo }).line.number, 2);
});

Deno.test("a line that its only recipient is owed, and never sent, is unheard", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  book.ledger.drop(bo, book.enter("psst", { to: bo }));
  assertEquals(book.news, ["unheard psst"]);
  book.enter("bye", { to: cy });
  book.ledger.part("the key of cy", true);
  assertEquals(book.news, ["unheard bye, missed by cy who signed"]);
});

Deno.test("numbers of private lines are never used twice, also after the recipient has gone", () => {
  const book = new Book();
  book.enter("psst", { to: book.join("bo") });
  book.ledger.part("the key of bo", false);
  assertEquals(book.enter("again", { to: book.join("bo") }).line.number, 2);
});

Deno.test("lines that were sent and not taken are outstanding, oldest first", () => {
  const book = new Book();
  const bo = book.join("bo");
  for (const text of ["one", "two", "three", "four"]) book.enter(text);
  for (let i = 0; i < 3; i++) book.seal(bo);
  const outstanding = (last: number) =>
    book.ledger.outstanding(bo, STREAM.group, last).map(({ line }) => line.text);
  assertEquals(outstanding(Infinity), ["one", "two", "three"]);
  assertEquals(outstanding(2), ["one", "two"]);
  book.receipt(bo, 1);
  assertEquals([outstanding(Infinity), book.ledger.isOutstanding(bo)], [["two", "three"], true]);
  book.receipt(bo, 3);
  assertEquals([outstanding(Infinity), book.ledger.isOutstanding(bo)], [[], false]);
});

Deno.test("lines are not held back for a stalled contact, and are still delivered to it", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  book.enter("one");
  book.seal(bo, cy);
  book.receipt(cy, 1);
  assertEquals([book.ledger.backlog.held, book.ledger.backlog.bytes], [1, 10]);
  book.ledger.stall(bo, true);
  book.ledger.stall(bo, true);
  assertEquals(book.ledger.backlog, { lines: 1, held: 0, bytes: 0, unsent: 1 });
  book.enter("two", { bytes: 20 });
  book.seal(bo, cy);
  assertEquals([book.ledger.backlog.held, book.ledger.backlog.bytes], [1, 20]);
  book.receipt(cy, 2);
  assertEquals([book.ledger.backlog.lines, book.ledger.backlog.held], [2, 0]);
  book.ledger.stall(bo, false);
  assertEquals([book.ledger.backlog.held, book.ledger.backlog.bytes], [2, 30]);
  book.receipt(bo, 2);
  assertEquals(book.ledger.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
  assertEquals(book.news, ["sent one", "delivered one", "sent two", "delivered two"]);
});

Deno.test("a line that a stalled contact shows is reported as delivered once", () => {
  const book = new Book();
  const bo = book.join("bo");
  book.enter("one");
  book.seal(bo);
  book.ledger.stall(bo, true);
  book.receipt(bo, 1);
  assertEquals(book.news, ["sent one", "delivered one"]);
  assertEquals(book.ledger.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});

Deno.test("above 16 MiB the oldest line is given up for the recipients that have not taken it", () => {
  assertEquals(MAX_KEPT_BYTES, 16 << 20);
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  const half = { bytes: 8 << 20 };
  book.enter("one", half);
  book.seal(bo, cy);
  book.receipt(cy, 1);
  book.enter("small");
  book.seal(bo, cy);
  assertEquals(book.news, []);
  book.enter("two", half);
  assertEquals(book.news, ["sent one", "delivered one, missed by bo"]);
  assertEquals([bo.streams[STREAM.group].gone, cy.streams[STREAM.group].gone], [1, 0]);
  // The next one is not given up, and bo is not taken for having taken the first.
  assertEquals(book.ledger.backlog.lines, 2);
  book.seal(bo, cy);
  book.receipt(bo, 3);
  book.receipt(cy, 3);
  assertEquals(book.news, ["sent small", "delivered small", "sent two", "delivered two"]);
});

Deno.test("a line that waits to be sealed is given up, too", () => {
  const book = new Book();
  book.join("bo");
  book.enter("one", { bytes: 16 << 20 });
  assertEquals(book.news, ["unheard one, missed by bo"]);
  assertEquals(book.ledger.pending, []);
  assertEquals(book.ledger.backlog, { lines: 0, held: 0, bytes: 0, unsent: 0 });
});

Deno.test("in another room each contact is owed what it has not taken, and nothing else", () => {
  const book = new Book();
  const [bo, cy] = [book.join("bo"), book.join("cy")];
  for (const text of ["one", "two", "three"]) book.enter(text);
  for (let i = 0; i < 2; i++) book.seal(bo, cy);
  book.receipt(bo, 1);
  book.receipt(cy, 2);
  const owed = ({ streams }: Contact) => streams[STREAM.group].owed.map(({ line }) => line.text);
  book.ledger.changeRoom();
  assertEquals([owed(bo), owed(cy)], [["two"], []]);
  assertEquals([bo.unsure, cy.unsure], [true, false]);
  assertEquals(book.ledger.missing(), [bo, cy]);
  assertEquals([bo.mode, bo.here], ["apart", false]);
  book.ledger.meet(bo, peerOf("bo"));
  assertEquals([book.ledger.missing(), bo.here], [[cy], true]);
  // It had taken it already: its receipt says so.
  book.receipt(bo, 2);
  assertEquals(owed(bo), []);
});

Deno.test("a contact that falls behind is owed what the relay leaves out, from that number on", () => {
  const book = new Book();
  const bo = book.join("bo");
  bo.mode = "together";
  for (const text of ["one", "two", "three"]) book.enter(text);
  for (let i = 0; i < 3; i++) book.seal(bo);
  book.ledger.fallBehind(bo, 2);
  const owed = () => bo.streams[STREAM.group].owed.map(({ line }) => line.text);
  assertEquals([bo.mode, bo.behindFrom, owed()], ["behind", 2, ["two", "three"]]);
  book.ledger.fallBehind(bo, 1);
  assertEquals([bo.behindFrom, owed()], [2, ["two", "three"]], "it is behind already");
});

Deno.test("a contact that is served alone when the relay says that it is behind is behind", () => {
  const book = new Book();
  const bo = book.join("bo");
  bo.mode = "together";
  for (const text of ["one", "two", "three"]) book.enter(text);
  for (let i = 0; i < 2; i++) book.seal(bo);
  bo.mode = "apart";
  book.ledger.owe(bo, book.ledger.pending[0]!);
  book.ledger.fallBehind(bo, 2);
  const owed = bo.streams[STREAM.group].owed.map(({ line }) => line.text);
  assertEquals([bo.mode, bo.behindFrom, owed], ["behind", 2, ["two", "three"]]);
});

Deno.test("a member that has used all numbers of chains starts no other one", async () => {
  const room = new Uint8Array(32);
  let number = 0xffff_ffff;
  const ledger = { nextChain: () => number++ };
  const context = { keyChange, random: secureRandom, ledger, room, self: ada } as unknown;
  const none: ReadonlySet<Peer> = new Set();
  const chain = new OwnChain(context as RoomContext);
  const bo = new Set([peerOf("bo")]);
  assertEquals((await chain.for(bo, none)).chain.scope.chain, 0xffff_ffff);
  await assertRejects(() => chain.for(new Set([peerOf("cy")]), none), Error, "all numbers");
});

Deno.test("chains and lines have numbers that are never used twice, in any room", () => {
  const book = new Book();
  const chains = [book.ledger.nextChain(), book.ledger.nextChain()];
  book.enter("one");
  book.seal();
  book.ledger.changeRoom();
  chains.push(book.ledger.nextChain());
  assertEquals(new Set(chains).size, 3);
  assertEquals(book.ledger.nextNumber, 2);
});
