/**
 * A relay that admits those who are invited: what lets somebody in, and what a relay that lies, or somebody who saw a
 * join, can do with it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type Bytes, secureRandom } from "../../../lib/base/bytes.ts";
import { NO_RENEWAL, type OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { answerByJoining } from "../../../lib/chat/member/connection.ts";
import { Invitations } from "../../../lib/chat/trust/invitations.ts";
import { readJoin } from "../../../lib/chat/wire/control.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import {
  type Invitation,
  type InvitationProof,
  inviterStatement,
  openInvitation,
  relayStatement,
  signProof,
} from "../../../lib/chat/wire/invitation.ts";
import { KIND, kindName } from "../../../lib/chat/wire/kinds.ts";
import { Clock, until } from "../keys.ts";
import { provenJoin } from "../raw_frames.ts";
import { DIALLED, RawMember } from "../raw_member.ts";
import { RelayRoom, told } from "./relay_room.ts";

const HOUR_MS = 3_600_000;

/** A relay that admits nobody but those who are invited, and who has joined. */
async function invitedOnly(
  { maxMembers = 8, ...options }: {
    readonly many?: boolean;
    readonly lifeMs?: number;
    readonly maxMembers?: number;
  } = {},
) {
  const clock = new Clock();
  const invitations = new Invitations({ now: clock.now });
  const room = new RelayRoom({ allows: () => false, invitations, now: clock.now, maxMembers });
  const made = (await invitations.make({ room: "", ...options }))!;
  const invitation = await openInvitation(made.secret);
  return { clock, invitations, room, made, invitation };
}

/** How somebody proves that it is invited. */
type Prove = (transcript: Bytes, self: OwnCredential) => Promise<InvitationProof | undefined>;

function by(invitation: Invitation): Prove {
  return (transcript, { member }) => signProof(invitation, relayStatement(transcript, member));
}

/** Somebody asks to join; returns the connection once it is in, or has ended. */
async function ask(room: RelayRoom, self: OwnCredential, prove: Prove, roomName = "") {
  const raw = new RawMember(room.relay, roomName);
  const { transcript } = await raw.challenge();
  const proof = await prove(transcript, self);
  raw.send(await provenJoin(self, transcript, DIALLED, NO_RENEWAL, proof));
  await until(() => raw.number > 0 || raw.ended, "it is in");
  return raw;
}

Deno.test("the relay admits an invited guest, and tells another newcomer only that it is not invited", async () => {
  const { room, invitation } = await invitedOnly();
  const bo = await room.credential("bo");
  const stranger = await ask(room, bo, () => Promise.resolve(undefined));
  assertEquals(stranger.bye, "NOT_ALLOWED");
  assertEquals(stranger.received.map(({ kind }) => kindName(kind)), ["challenge", "bye"]);
  assertEquals((await ask(room, bo, by(invitation))).bye, undefined);
});

Deno.test("a guest with a wrong secret gets the answer of one without, even if its name is taken or the room is full", async () => {
  const { room, invitation } = await invitedOnly({ many: true, maxMembers: 1 });
  assertEquals((await ask(room, await room.credential("bo"), by(invitation))).bye, undefined);
  const other = await openInvitation(secureRandom(16));
  for (const name of ["bo", "cy"]) {
    const raw = await ask(room, await room.credential(name), by(other));
    assertEquals([raw.bye, raw.received.length], ["NOT_ALLOWED", 2]);
  }
});

Deno.test("the recorded join of a guest admits nobody else", async () => {
  const { room, invitation } = await invitedOnly({ many: true });
  const bo = await room.credential("bo");
  let seen: InvitationProof | undefined;
  let greeted: Bytes | undefined;
  await ask(room, bo, async (transcript, self) => {
    greeted = transcript;
    return seen = await signProof(invitation, relayStatement(transcript, self.member));
  });
  const eve = await room.credential("eve");
  const { publicKey } = invitation;
  const own = await openInvitation(secureRandom(16));
  const forgeries: Record<string, Prove> = {
    "replayed by somebody else": () => Promise.resolve(seen),
    "replayed by the same member": () => Promise.resolve(seen),
    "the public key, and a signature by another key": async (transcript, self) => ({
      publicKey,
      signature: (await signProof(own, relayStatement(transcript, self.member))).signature,
    }),
    "a proof for somebody else, of this challenge": (transcript) =>
      signProof(invitation, relayStatement(transcript, bo.member)),
    "a proof for the inviter": (_, self) =>
      signProof(
        invitation,
        inviterStatement({ room: room.relay.room, inviter: bo.member, guest: self.member }),
      ),
    "a proof of another challenge": (_, self) =>
      signProof(invitation, relayStatement(greeted!, self.member)),
    "a key of small order": () =>
      Promise.resolve({ publicKey: new Uint8Array(32), signature: new Uint8Array(64) }),
  };
  for (const [what, prove] of Object.entries(forgeries)) {
    const self = what.endsWith("same member") ? bo : eve;
    assertEquals((await ask(room, self, prove)).bye, "NOT_ALLOWED", what);
  }
});

Deno.test("a proof for another room or another challenge is refused", async () => {
  const { room, invitation } = await invitedOnly({ many: true });
  const bo = await room.credential("bo");
  const elsewhere = new RawMember(room.relay, "tea");
  const { transcript } = await elsewhere.challenge();
  const proof = await signProof(invitation, relayStatement(transcript, bo.member));
  assertEquals((await ask(room, bo, () => Promise.resolve(proof))).bye, "NOT_ALLOWED");
  // An invitation is for the room that its link names.
  assertEquals((await ask(room, bo, by(invitation), "tea")).bye, "NOT_ALLOWED");
  assertEquals([...room.relay.rooms()].map(({ name }) => name), [""]);
});

Deno.test("a one-guest invitation is bound to its first identity, which can use it again in another run", async () => {
  const { room, invitation, made, clock } = await invitedOnly();
  const bo = await room.credential("bo", 0);
  const first = await ask(room, bo, by(invitation));
  const cy = await room.credential("cy", 1);
  const second = await ask(room, cy, by(invitation));
  assertEquals([first.bye, second.bye], [undefined, "INVITATION_USED"]);
  assertEquals(made.guests, [{ name: "bo", fingerprint: bo.fingerprint }]);
  assertEquals(told(room).includes("refused INVITATION_USED"), true);
  first.close();
  clock.advance(HOUR_MS / 2);
  const again = await ask(room, await room.credential("bob", 0), by(invitation));
  assertEquals([again.bye, made.guests.length], [undefined, 1]);
});

Deno.test("a join that is refused for another reason does not use up the invitation, also for another key", async () => {
  const invitations = new Invitations();
  const allowed = new Set<string>();
  const room = new RelayRoom({
    allows: (print) => allowed.has(print),
    invitations,
    maxMembers: 3,
    maxRooms: 1,
  });
  const someone = async (name: string, index: number, lets = false) => {
    const self = await room.credential(name, index);
    if (lets) allowed.add(self.fingerprint);
    return self;
  };
  const uninvited: Prove = () => Promise.resolve(undefined);
  await ask(room, await someone("ada", 0, true), uninvited);
  await ask(room, await someone("cy", 1, true), uninvited);
  const banned = await someone("dee", 2, true);
  await ask(room, banned, uninvited);
  room.relay.remove(banned.key, true);
  allowed.delete(banned.fingerprint);
  await room.settle();
  const made = (await invitations.make({ room: "" }))!;
  const proof = by(await openInvitation(made.secret));
  const tea = (await invitations.make({ room: "tea" }))!;
  const refusals = [(await ask(room, await someone("ada", 3), proof)).bye];
  refusals.push((await ask(room, banned, proof)).bye);
  const eve = await someone("eve", 4, true);
  await ask(room, eve, uninvited);
  refusals.push((await ask(room, await someone("bo", 5), proof)).bye);
  const elsewhere = by(await openInvitation(tea.secret));
  refusals.push((await ask(room, await someone("bo", 5), elsewhere, "tea")).bye);
  assertEquals(refusals, ["NAME_TAKEN", "NOT_ALLOWED", "ROOM_FULL", "TOO_MANY_ROOMS"]);
  assertEquals([made.guests, tea.guests, invitations.hasAdmitted(banned.fingerprint)], [
    [],
    [],
    false,
  ]);
  room.relay.remove(eve.key, false);
  assertEquals((await ask(room, await someone("bo", 6), proof)).bye, undefined);
  assertEquals(made.guests.map(({ name }) => name), ["bo"]);
  assertEquals((await ask(room, await someone("fay", 7), proof)).bye, "INVITATION_USED");
});

Deno.test("if two guests wait with an invitation for one, the first to join uses it up", async () => {
  const allowed = new Set<string>();
  const invitations = new Invitations();
  const room = new RelayRoom({ allows: (print) => allowed.has(print), invitations });
  const bo = await room.credential("bo", 0);
  allowed.add(bo.fingerprint);
  await ask(room, bo, () => Promise.resolve(undefined));
  allowed.clear();
  const made = (await invitations.make({ room: "" }))!;
  const proof = by(await openInvitation(made.secret));
  // The earlier run of this identity does not answer, so its next run waits.
  const raw = new RawMember(room.relay);
  const again = await room.credential("bo", 0);
  const { transcript } = await raw.challenge();
  raw.send(
    await provenJoin(again, transcript, DIALLED, NO_RENEWAL, await proof(transcript, again)),
  );
  await room.settle();
  const cy = await ask(room, await room.credential("cy", 1), proof);
  await room.pass(4_000);
  assertEquals([cy.bye, raw.bye, raw.number], [undefined, "INVITATION_USED", 0]);
  assertEquals(made.guests.map(({ name }) => name), ["cy"]);
});

Deno.test("if noting a guest throws, its connection ends and the relay continues", async () => {
  const failures: unknown[] = [];
  const room = new RelayRoom({
    allows: () => false,
    invitations: {
      admits: () => "admitted",
      joined: () => {
        throw new Error("the list of invitations is full");
      },
      hasAdmitted: () => true,
    },
    fail: (error) => failures.push(error),
  });
  const proof = by(await openInvitation(secureRandom(16)));
  const raw = await ask(room, await room.credential("bo"), proof);
  await room.settle();
  assertEquals([raw.bye, room.relay.size, failures.length], ["SHUTDOWN", 0, 1]);
});

Deno.test("an invitation for many admits many guests", async () => {
  const { room, invitation, made } = await invitedOnly({ many: true });
  for (const [i, name] of ["bo", "cy", "dee"].entries()) {
    assertEquals((await ask(room, await room.credential(name, i), by(invitation))).bye, undefined);
  }
  assertEquals(made.guests.map(({ name }) => name), ["bo", "cy", "dee"]);
});

Deno.test("an expired invitation admits no new guest, and a withdrawn one admits nobody", async () => {
  const { room, invitation, invitations, made, clock } = await invitedOnly({
    many: true,
    lifeMs: HOUR_MS,
  });
  assertEquals((await ask(room, await room.credential("bo", 0), by(invitation))).bye, undefined);
  clock.advance(HOUR_MS);
  assertEquals(
    (await ask(room, await room.credential("cy", 1), by(invitation))).bye,
    "NOT_ALLOWED",
  );
  const again = await ask(room, await room.credential("bob", 0), by(invitation));
  assertEquals(again.bye, undefined, "who was a guest before is one still");
  const other = (await invitations.make({ room: "" }))!;
  assertEquals([invitations.withdraw(other.number), invitations.withdraw(made.number)], [
    true,
    false,
  ]);
  const withdrawn = by(await openInvitation(other.secret));
  assertEquals((await ask(room, await room.credential("cy", 1), withdrawn)).bye, "NOT_ALLOWED");
});

Deno.test("an invited guest stays when the allow list is read again, and unlisted members do not", async () => {
  const invitations = new Invitations();
  const allowed = new Set<string>();
  const room = new RelayRoom({ allows: (print) => allowed.has(print), invitations });
  const made = (await invitations.make({ room: "" }))!;
  const ada = await room.credential("ada");
  allowed.add(ada.fingerprint);
  const host = await ask(room, ada, () => Promise.resolve(undefined));
  const bo = await ask(room, await room.credential("bo"), by(await openInvitation(made.secret)));
  invitations.withdraw(made.number);
  allowed.clear();
  room.relay.removeDisallowed();
  await room.settle();
  assertEquals([host.bye, bo.bye], ["REMOVED", undefined]);
});

Deno.test("a relay without invitations ignores proofs, and one that admits everybody refuses no member for a proof", async () => {
  const invitation = await openInvitation(secureRandom(16));
  const open = new RelayRoom();
  assertEquals((await ask(open, await open.credential("bo"), by(invitation))).bye, undefined);
  const closed = new RelayRoom({ allows: () => false });
  const bo = await closed.credential("bo");
  assertEquals((await ask(closed, bo, by(invitation))).bye, "NOT_ALLOWED");
  const invitations = new Invitations();
  const everybody = new RelayRoom({ invitations });
  assertEquals((await ask(everybody, bo, by(invitation))).bye, undefined);
});

Deno.test("an invitation of another length than a proof's makes the join malformed", async () => {
  const { room } = await invitedOnly();
  const self = await room.credential("bo");
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const join = await provenJoin(self, transcript, DIALLED);
  const at = join.length - 64 - 2;
  const longer = new Uint8Array([...join.slice(0, at), 0, 1, 7, ...join.slice(at + 2)]);
  raw.send(encodeFrame(KIND.join, longer.slice(FRAME_HEADER_BYTES)));
  await until(() => raw.ended, "it is refused");
  assertEquals(raw.bye, "BAD_FRAME");
});

Deno.test("a member joins by its invitation, and what its proof signs covers the invitation", async () => {
  const { room, invitation } = await invitedOnly();
  const self = await room.credential("bo");
  const raw = new RawMember(room.relay);
  const { transcript } = await raw.challenge();
  const join = await answerByJoining(self, DIALLED, transcript, NO_RENEWAL, invitation);
  const { invitation: proof, signed } = readJoin(join.slice(FRAME_HEADER_BYTES));
  assertEquals(proof, await signProof(invitation, relayStatement(transcript, self.member)));
  assert(signed.length > 96 && signed.toHex().endsWith(proof!.signature.toHex()));
  // Taken out on the way: the proof of the join no longer holds.
  const bare = new Uint8Array([
    ...join.slice(FRAME_HEADER_BYTES, -64 - 96 - 2),
    ...[0, 0],
    ...join.slice(-64),
  ]);
  raw.send(encodeFrame(KIND.join, bare));
  await until(() => raw.ended, "it is refused");
  assertEquals(raw.bye, "BAD_PROOF");
});

Deno.test("invitations that throw end only the join that asks them", async () => {
  const failures: unknown[] = [];
  const failing = {
    admits: () => {
      throw new Error("the list of invitations has failed");
    },
    joined: () => {},
    hasAdmitted: () => {
      throw new Error("the list of invitations has failed");
    },
  };
  const strangers = new Set<string>();
  const room = new RelayRoom({
    allows: (print) => !strangers.has(print),
    invitations: failing,
    fail: (error) => failures.push(error),
  });
  const ada = await room.join("ada");
  const bo = await room.credential("bo");
  const invitation = await openInvitation(secureRandom(16));
  assertEquals((await ask(room, bo, by(invitation))).bye, "SHUTDOWN");
  strangers.add(ada.self.fingerprint);
  room.relay.removeDisallowed();
  assertEquals([ada.raw.bye, failures.length], [undefined, 2]);
  assertEquals((await room.join("cy")).raw.bye, undefined);
});
