/**
 * Guests and inviters, by their state machines and in a room, and what a relay that knows everything but the secret can
 * do between them.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import { EVERYONE, type Peer } from "../../../lib/chat/member/roster.ts";
import {
  type GuestEvent,
  INVITATION_LIFE_MS,
  Invitations,
  InvitedGuest,
  type MadeInvitation,
  MAX_GUESTS,
  MAX_INVITATIONS,
  MAX_PROOFS,
  type ProofOutcome,
  PROVE_AGAIN_MS,
  PROVE_LATER_MS,
} from "../../../lib/chat/trust/invitations.ts";
import { readPair } from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import {
  encodeInvitationNotice,
  inviterOf,
  inviterStatement,
  openInvitation,
  signProof,
} from "../../../lib/chat/wire/invitation.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { Eve } from "../eve.ts";
import { Clock, credentialOf, until } from "../keys.ts";
import { count, type Seat, shown, type Tamper, TestRoom } from "../room.ts";

// The inviter, alone.

/** A peer with the keys of a number, and the room and inviter of its proofs. */
async function guestOf(name: string, keyIndex: number, at = placeOf()) {
  const credential = await credentialOf(name, keyIndex, new Clock().now);
  const peer: Peer = { number: 2, credential, confirmed: true, away: false };
  const prove = async (made: MadeInvitation) => {
    const place = { room: at.room, inviter: at.self, guest: credential.member };
    const proof = await signProof(await openInvitation(made.secret), inviterStatement(place));
    return encodeInvitationNotice({ kind: "proof", proof });
  };
  return { peer, prove, fingerprint: credential.fingerprint };
}

function placeOf() {
  return { room: secureRandom(32), self: secureRandom(32) };
}

/** What a guest's proof amounts to, in a word. */
async function outcomeOf(
  invitations: Invitations,
  guest: { readonly peer: Peer; readonly prove: (made: MadeInvitation) => Promise<Bytes> },
  made: MadeInvitation,
  at: { readonly room: Bytes; readonly self: Bytes },
): Promise<string | undefined> {
  const taken = await invitations.take(guest.peer, await guest.prove(made), at);
  if (taken === undefined) return undefined;
  const { outcome, answer } = taken;
  // The answer says no more than the outcome, and a forgery has none.
  assertEquals(answer === undefined, outcome.kind === "forged");
  return outcome.kind === "accepted" && outcome.again ? "again" : outcome.kind;
}

Deno.test("an invitation is bound to one identity over its runs, and use by another is reported", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const made = (await invitations.make({ room: "tea" }))!;
  const [bo, bob, cy] = await Promise.all([
    guestOf("bo", 0, at),
    guestOf("bob", 0, at),
    guestOf("cy", 1, at),
  ]);
  assertEquals(await outcomeOf(invitations, bo, made, at), "accepted");
  assertEquals(await outcomeOf(invitations, bo, made, at), "again");
  assertEquals(await outcomeOf(invitations, bob, made, at), "again");
  const taken = (await invitations.take(cy.peer, await cy.prove(made), at))!;
  const by = { name: "bo", fingerprint: bo.fingerprint };
  assertEquals(taken.outcome, { kind: "used", invitation: made, by });
  assertEquals(made.guests, [by]);
});

Deno.test("two guests that use a one-guest invitation at the same time: one is accepted", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const made = (await invitations.make({ room: "" }))!;
  const guests = await Promise.all([guestOf("bo", 0, at), guestOf("cy", 1, at)]);
  const outcomes = await Promise.all(
    guests.map((guest) => outcomeOf(invitations, guest, made, at)),
  );
  assertEquals(outcomes.toSorted(), ["accepted", "used"]);
});

Deno.test("an invitation for many accepts 1,024 guests", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const made = (await invitations.make({ room: "", many: true }))!;
  for (const [i, name] of ["bo", "cy"].entries()) {
    assertEquals(await outcomeOf(invitations, await guestOf(name, i, at), made, at), "accepted");
  }
  for (let i = 2; i < MAX_GUESTS; i++) {
    const guest = { name: "x", fingerprint: `${i}` };
    assertEquals(invitations.admits(made.publicKey, guest, ""), "admitted");
    invitations.joined(made.publicKey, guest, "");
  }
  const late = { name: "late", fingerprint: "late" };
  assertEquals(invitations.admits(made.publicKey, late, ""), "used");
});

Deno.test("an invitation expires after a day or its own lifetime, except for identities bound before", async () => {
  const [at, clock] = [placeOf(), new Clock()];
  const invitations = new Invitations({ now: clock.now });
  const [day, hour] = [
    (await invitations.make({ room: "", many: true }))!,
    (await invitations.make({ room: "", lifeMs: 3_600_000 }))!,
  ];
  const [bo, cy] = [await guestOf("bo", 0, at), await guestOf("cy", 1, at)];
  assertEquals(await outcomeOf(invitations, bo, day, at), "accepted");
  clock.advance(3_600_000);
  assertEquals(await outcomeOf(invitations, bo, hour, at), "over");
  assertEquals(invitations.list().map(({ number }) => number), [1]);
  clock.advance(INVITATION_LIFE_MS - 3_600_001);
  assertEquals(invitations.list().length, 1);
  clock.advance(1);
  assertEquals(invitations.list(), []);
  assertEquals(await outcomeOf(invitations, cy, day, at), "over");
  assertEquals(await outcomeOf(invitations, bo, day, at), "again");
});

Deno.test("a withdrawn invitation is over for everybody, and so is an unknown one", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const made = (await invitations.make({ room: "" }))!;
  const bo = await guestOf("bo", 0, at);
  assertEquals(await outcomeOf(invitations, bo, made, at), "accepted");
  assertEquals([invitations.withdraw(2), invitations.withdraw(1)], [false, true]);
  assertEquals(invitations.withdraw(1), false, "it is over already");
  assertEquals(await outcomeOf(invitations, bo, made, at), "over");
  const foreign = (await new Invitations().make({ room: "" }))!;
  assertEquals(await outcomeOf(invitations, bo, foreign, at), "over");
});

Deno.test("the number of kept invitations is bounded, and an ended one frees its place", async () => {
  const invitations = new Invitations();
  for (let i = 0; i < MAX_INVITATIONS; i++) await invitations.make({ room: "" });
  assertEquals(await invitations.make({ room: "" }), undefined);
  invitations.withdraw(7);
  assertEquals((await invitations.make({ room: "" }))?.number, MAX_INVITATIONS + 1);
  assertEquals(invitations.list().length, MAX_INVITATIONS);
});

Deno.test("a proof for another room, inviter, guest or run of the guest is reported as forged and not answered", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const made = (await invitations.make({ room: "", many: true }))!;
  const bo = await guestOf("bo", 0, at);
  const proof = await bo.prove(made);
  const eve = await guestOf("eve", 1, at);
  const later = await guestOf("bo", 0, at);
  for (
    const [peer, place] of [
      [eve.peer, at],
      [bo.peer, { ...at, room: secureRandom(32) }],
      [bo.peer, { ...at, self: secureRandom(32) }],
      [later.peer, at],
    ] as const
  ) {
    const outcome = { kind: "forged", invitation: made } as const;
    assertEquals(await invitations.take(peer, proof, place), { outcome, answer: undefined });
  }
  assertEquals((await invitations.take(bo.peer, proof, at))?.outcome.kind, "accepted");
});

Deno.test("a malformed proof is not answered", async () => {
  const at = placeOf();
  const invitations = new Invitations();
  const { publicKey } = (await invitations.make({ room: "" }))!;
  const { peer } = await guestOf("bo", 0, at);
  const answer = encodeInvitationNotice({ kind: "answer", publicKey, answer: "accepted" });
  for (const body of [answer, new Uint8Array(0), new Uint8Array(97).fill(9), secureRandom(256)]) {
    assertEquals(await invitations.take(peer, body, at), undefined);
  }
});

// In a room.

/** A room in which ada invites, and guests of hers. */
class Party {
  readonly room = new TestRoom();
  readonly invitations = new Invitations({ now: this.room.clock.now });
  readonly outcomes: ProofOutcome[] = [];
  /** By name of the guest, what became of it. */
  readonly told = new Map<string, GuestEvent[]>();
  readonly guests = new Map<string, InvitedGuest>();
  /** The proofs that came to ada. */
  readonly bodies: Bytes[] = [];
  /** Whether ada answers. */
  answers = true;
  #ada: Seat | undefined;

  get ada(): Seat {
    return this.#ada!;
  }

  static async open(tamper?: Tamper): Promise<Party> {
    const party = new Party();
    const { room, invitations } = party;
    let at: Bytes | undefined;
    room.listeners.set("ada", (event) => {
      if (event.kind === "admitted" || event.kind === "reconnected") at = event.room;
      if (event.kind === "notice" && event.notice === "invitation") {
        party.bodies.push(event.body);
        if (!party.answers) return;
        const { self, member } = party.ada;
        invitations.take(event.peer, event.body, { room: at!, self: self.member }).then((taken) => {
          if (taken === undefined) return;
          party.outcomes.push(taken.outcome);
          if (taken.answer !== undefined) {
            member.sendNotice(event.peer, "invitation", taken.answer);
          }
        });
      }
    });
    party.#ada = await room.join("ada", tamper);
    return party;
  }

  /** Somebody joins by an invitation of ada's. */
  async invite(name: string, made: MadeInvitation, tamper?: Tamper, keyIndex?: number) {
    const told: GuestEvent[] = [];
    this.told.set(name, told);
    const seats: Seat[] = [];
    const guest = new InvitedGuest({
      invitation: await openInvitation(made.secret),
      inviter: inviterOf(this.ada.self.fingerprint),
      now: this.room.clock.now,
      send: (peer, body) => seats[0]!.member.sendNotice(peer, "invitation", body),
      event: (event) => told.push(event),
      wake: () => {},
      failed: (error) => this.room.failures.push(error),
    });
    this.guests.set(name, guest);
    const obstacle = ({ credential }: Peer) =>
      guest.givesKeysTo(credential.fingerprint) ? undefined : "is not the inviter";
    this.room.policies.set(name, { ...EVERYONE, obstacle });
    this.room.listeners.set(name, (event: MemberEvent) => guest.take(event));
    seats.push(await this.room.enter(name, tamper, keyIndex));
    await this.settle();
    return seats[0]!;
  }

  /** Everyone looks at the clock until nothing more follows. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      for (const guest of this.guests.values()) guest.tick();
      await this.room.settle();
    }
  }

  async pass(ms: number): Promise<void> {
    await this.room.pass(ms);
    await this.settle();
  }

  kinds(name: string): string[] {
    return this.told.get(name)!.map(({ kind }) => kind);
  }
}

/** The numbers of those to whom a member has sent pair frames, which alone carry keys. */
function keyed(seat: Seat): Set<number> {
  const frames = seat.sent.filter((bytes) => bytes[4] === KIND.pair);
  return new Set(
    frames.map((bytes) => readPair(bytes.slice(FRAME_HEADER_BYTES)).header.recipient),
  );
}

Deno.test("a guest and its inviter recognize each other by the link alone", async () => {
  const party = await Party.open();
  const made = (await party.invitations.make({ room: "" }))!;
  const bo = await party.invite("bo", made);
  assertEquals(party.kinds("bo"), ["met", "accepted"]);
  assertEquals(party.outcomes, [{ kind: "accepted", invitation: made, again: false }]);
  assertEquals(made.guests, [{ name: "bo", fingerprint: bo.self.fingerprint }]);
  assertEquals(party.guests.get("bo")!.isAccepted, true);
  // That is all that is said: nothing is repeated, and no line was sent.
  await party.pass(10 * PROVE_AGAIN_MS);
  assertEquals([party.bodies.length, party.guests.get("bo")!.wakeAt], [1, Infinity]);
});

Deno.test("a guest gives keys only to its inviter until the inviter has accepted it", async () => {
  const party = await Party.open();
  party.answers = false;
  await party.room.join("cy");
  const made = (await party.invitations.make({ room: "" }))!;
  const bo = await party.invite("bo", made);
  const ada = bo.member.roster.byName("ada")!.number;
  bo.member.enter("for ada alone");
  await party.settle();
  assertEquals([...keyed(bo)], [ada]);
  assertEquals([shown(party.ada), shown(party.room.seats[1]!)], [["bo: for ada alone"], []]);
  party.answers = true;
  await party.pass(PROVE_AGAIN_MS);
  assertEquals(party.kinds("bo"), ["met", "accepted"]);
  bo.member.enter("for all");
  await party.settle();
  assertEquals(shown(party.room.seats[1]!), ["bo: for all"]);
});

Deno.test("a guest without its inviter gives keys to nobody until its person decides not to wait", async () => {
  const party = await Party.open();
  const cy = await party.room.join("cy");
  const made = (await party.invitations.make({ room: "" }))!;
  party.ada.member.leave();
  await party.settle();
  const bo = await party.invite("bo", made);
  bo.member.enter("to nobody");
  await party.settle();
  assertEquals([keyed(bo).size, shown(cy), party.kinds("bo")], [0, [], []]);
  party.guests.get("bo")!.release();
  bo.member.enter("to whoever is here");
  await party.settle();
  assertEquals(shown(cy), ["bo: to whoever is here"]);
});

Deno.test("a second guest of a one-guest invitation is refused, and both it and the inviter are told", async () => {
  const party = await Party.open();
  const made = (await party.invitations.make({ room: "" }))!;
  const bo = await party.invite("bo", made);
  await party.invite("cy", made);
  assertEquals([party.kinds("bo"), party.kinds("cy")], [["met", "accepted"], ["met", "used"]]);
  const by = { name: "bo", fingerprint: bo.self.fingerprint };
  assertEquals(party.outcomes.at(-1), { kind: "used", invitation: made, by });
  assertEquals(party.guests.get("cy")!.givesKeysTo(bo.self.fingerprint), false);
  party.invitations.withdraw(made.number);
  await party.invite("dee", made);
  assertEquals(party.kinds("dee"), ["met", "over"]);
});

Deno.test("a guest sends its proof three times, reports the silent inviter, and repeats it once a minute", async () => {
  const party = await Party.open();
  party.answers = false;
  await party.invite("bo", (await party.invitations.make({ room: "" }))!);
  for (let i = 0; i < 6; i++) await party.pass(PROVE_AGAIN_MS);
  assertEquals([party.bodies.length, party.kinds("bo")], [MAX_PROOFS, ["met", "silent"]]);
  const minute = async () => {
    for (let ms = 0; ms < PROVE_LATER_MS; ms += PROVE_AGAIN_MS) await party.pass(PROVE_AGAIN_MS);
  };
  await minute();
  await minute();
  assertEquals([party.bodies.length, party.kinds("bo")], [MAX_PROOFS + 2, ["met", "silent"]]);
  // Its person has accepted the guest's new key, for example.
  party.answers = true;
  await minute();
  assertEquals(party.kinds("bo"), ["met", "silent", "accepted"]);
});

Deno.test("an unaccepted guest sends a new proof in the new room of a restarted relay", async () => {
  const party = await Party.open();
  party.answers = false;
  const made = (await party.invitations.make({ room: "" }))!;
  const bo = await party.invite("bo", made);
  assertEquals(party.bodies.length, 1);
  party.room.restart();
  party.answers = true;
  for (const seat of [bo, party.ada]) {
    seat.connect();
    await until(() => count(seat, "reconnected") === 1, "it is in the other room");
    await party.pass(1_000);
  }
  await party.pass(1_000);
  await until(() => party.kinds("bo").length === 2, "bo is answered");
  assertEquals(party.kinds("bo"), ["met", "accepted"]);
  assertEquals(party.outcomes.map(({ kind }) => kind), ["accepted"]);
  assert(party.bodies[0]!.toHex() !== party.bodies[1]!.toHex(), "another room, another proof");
});

// A relay that knows everything but the secret.

/** What the relay knows: the public key, the room, the members, and even a proof that it should not have. */
async function compromised() {
  const party = await Party.open();
  const made = (await party.invitations.make({ room: "", many: true }))!;
  const bo = await party.invite("bo", made);
  const [proof] = party.bodies;
  party.outcomes.length = 0;
  return { party, made, bo, proof: proof! };
}

Deno.test("a member run by the relay can neither replay a guest's proof nor forge one", async () => {
  const { party, made, bo, proof } = await compromised();
  const eve = await Eve.join(party.room);
  const { room, number } = eve.raw;
  const stranger = await openInvitation(secureRandom(16));
  const place = { room, inviter: party.ada.self.member, guest: eve.self.member };
  const { signature } = await signProof(stranger, inviterStatement(place));
  const forged = { publicKey: made.publicKey, signature };
  const bodies = [proof, encodeInvitationNotice({ kind: "proof", proof: forged })];
  for (const body of bodies) {
    await eve.tell(party.ada, [{ kind: "notice", notice: "invitation", body }]);
  }
  await until(() => party.outcomes.length === 2, "ada has looked at both");
  assertEquals(party.outcomes.map(({ kind }) => kind), ["forged", "forged"]);
  assertEquals(made.guests.map(({ fingerprint }) => fingerprint), [bo.self.fingerprint]);
  assert(number > 0);
});

Deno.test("a member run by the relay that poses as the inviter gets no proof, key or message", async () => {
  const party = await Party.open();
  party.answers = false;
  const made = (await party.invitations.make({ room: "" }))!;
  party.ada.member.leave();
  await party.settle();
  // The name is the inviter's, the identity is not.
  const eve = await Eve.join(party.room, "ada");
  await eve.here();
  const bo = await party.invite("bo", made);
  const accepted = encodeInvitationNotice({
    kind: "answer",
    publicKey: made.publicKey,
    answer: "accepted",
  });
  await eve.tell(bo, [{ kind: "notice", notice: "invitation", body: accepted }]);
  bo.member.enter("hello?");
  await party.pass(PROVE_AGAIN_MS);
  assertEquals([party.kinds("bo"), party.guests.get("bo")!.isAccepted], [[], false]);
  assertEquals(bo.sent.filter((bytes) => bytes[4] === KIND.pair), []);
});

Deno.test("a proof made for another run of the inviter or another room is forged", async () => {
  const party = await Party.open();
  const made = (await party.invitations.make({ room: "" }))!;
  // Somebody else's run with the inviter's identity, or one that a relay lists again.
  let toEarlier: Bytes | undefined;
  party.room.listeners.set("before", (event) => {
    if (event.kind === "notice") toEarlier = event.body;
  });
  await party.room.enter("before", undefined, 0);
  const bo = await party.invite("bo", made);
  const at = { room: party.room.relay.room, self: party.ada.self.member };
  const peer = party.ada.member.roster.byName("bo")!;
  const taken = await party.invitations.take(peer, toEarlier!, at);
  assertEquals(taken?.outcome.kind, "forged");
  const [proof] = party.bodies;
  party.room.restart();
  for (const seat of [bo, party.ada]) {
    seat.connect();
    await until(() => count(seat, "reconnected") === 1, "it is in the other room");
  }
  await party.settle();
  // Another room: what was signed for the last one is a forgery in this one.
  const eve = await Eve.join(party.room);
  await eve.tell(party.ada, [{ kind: "notice", notice: "invitation", body: proof! }]);
  await until(() => party.outcomes.length === 2, "ada has looked at the proof");
  assertEquals(party.outcomes.map(({ kind }) => kind), ["accepted", "forged"]);
});

Deno.test("a guest ignores its own proof when it comes back", async () => {
  const { party, bo, proof } = await compromised();
  const eve = await Eve.join(party.room);
  await eve.tell(bo, [{ kind: "notice", notice: "invitation", body: proof }]);
  await party.settle();
  assertEquals(party.kinds("bo"), ["met", "accepted"]);
  const own = new Invitations();
  const at = { room: eve.raw.room, self: bo.self.member };
  const peer = bo.member.roster.byName("eve")!;
  const taken = await own.take(peer, proof, at);
  assertEquals(taken?.outcome, { kind: "over", invitation: undefined });
});

Deno.test("the inviter answers a proof once although the relay repeats the frame", async () => {
  const kept: Bytes[] = [];
  const party = await Party.open(({ kind, bytes }) => {
    if (kind !== KIND.pair) return [bytes];
    kept.push(bytes);
    return [bytes, ...kept];
  });
  const made = (await party.invitations.make({ room: "" }))!;
  await party.invite("bo", made);
  assertEquals([party.bodies.length, party.kinds("bo")], [1, ["met", "accepted"]]);
});
