/**
 * A guest and its inviter over TCP, by a link alone and the public functions.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { mapKey } from "../../../lib/base/bytes.ts";
import {
  type Bytes,
  type GuestEvent,
  invitationLink,
  Invitations,
  InvitedGuest,
  inviterOf,
  joinRoom,
  type MemberEvent,
  openInvitation,
  openRelay,
  type ProofOutcome,
  readInvitationLink,
  type Session,
} from "../../../lib/tcp_chat.ts";
import { until } from "../room.ts";
import { guestCredential, leave } from "../guests.ts";

/** Joins by a link. */
async function joinBy(text: string, name: string, index: number) {
  const { host: hostname, port, room: roomName, secret, inviter } = readInvitationLink(text);
  const invitation = await openInvitation(secret);
  const told: GuestEvent[] = [];
  const events: MemberEvent[] = [];
  const failures: unknown[] = [];
  const guest: InvitedGuest = new InvitedGuest({
    invitation,
    inviter,
    now: () => performance.now(),
    send: (peer, body) => session.sendNotice(peer, "invitation", body),
    event: (event) => told.push(event),
    wake: () => queueMicrotask(() => guest.tick()),
    failed: (error) => failures.push(error),
  });
  const policy = {
    obstacle: ({ credential }: { credential: { fingerprint: string } }) =>
      guest.givesKeysTo(credential.fingerprint) ? undefined : "waits for the inviter",
    hides: () => false,
  };
  const session: Session = await joinRoom({
    hostname,
    port,
    roomName,
    invitation,
    policy,
    self: await guestCredential(name, index),
    event: (event) => {
      events.push(event);
      guest.take(event);
    },
  });
  return { session, events, told, failures };
}

Deno.test("over TCP a link admits one guest and shows guest and inviter to each other, and its secret does not travel", async () => {
  const seen: string[] = [];
  const tap = () => (_: "sent" | "received", bytes: Bytes) => void seen.push(mapKey(bytes));
  const invitations = new Invitations();
  const self = await guestCredential("ada", 0);
  const allows = (print: string) => print === self.fingerprint;
  const relay = openRelay({ port: 0, room: "tea", allows, invitations, tap });
  const outcomes: ProofOutcome[] = [];
  const ada: { session: Session; events: MemberEvent[] } = {
    events: [],
    session: relay.join({
      self,
      event: (event) => {
        ada.events.push(event);
        if (event.kind !== "notice") return;
        const at = { room: relay.room, self: self.member };
        invitations.take(event.peer, event.body, at).then((taken) => {
          outcomes.push(taken!.outcome);
          ada.session.sendNotice(event.peer, "invitation", taken!.answer!);
        });
      },
    }),
  };
  const made = (await invitations.make({ room: "tea" }))!;
  const { hostname: host, port } = relay.addr;
  const target = { host, port, room: "tea", secret: made.secret };
  const link = invitationLink({ ...target, inviter: inviterOf(self.fingerprint) });
  const bo = await joinBy(link, "bo", 1);
  await until(() => bo.told.some(({ kind }) => kind === "accepted"), "bo is accepted");
  assertEquals(outcomes.map(({ kind }) => kind), ["accepted"]);
  assertEquals(bo.told.map(({ inviter }) => inviter.credential.fingerprint), [
    self.fingerprint,
    self.fingerprint,
  ]);
  const cy = await joinBy(link, "cy", 2);
  await cy.session.ended;
  const ended = cy.events.find((event) => event.kind === "ended");
  assertEquals(ended?.reason, "INVITATION_USED");
  await leave(ada, bo);
  await relay[Symbol.asyncDispose]();
  assertEquals([...bo.failures, ...cy.failures], []);
  const wire = seen.join("");
  assert(wire.includes(mapKey(made.publicKey)), "what passed was seen");
  assert(!wire.includes(mapKey(made.secret)) && !wire.includes(link.split("#")[1]!));
});
