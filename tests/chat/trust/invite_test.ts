// needs: net run=deno read=tests/scratch write=tests/scratch (about 40 s)

/**
 * Invitations between real processes: who is invited by a link alone, who is refused, and what a relay can do that
 * knows everything but the secret.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { openRelay } from "../../../lib/chat/runtime/room.ts";
import type { Session } from "../../../lib/chat/runtime/session.ts";
import {
  encodeInvitationNotice,
  invitationLink,
  inviterStatement,
  openInvitation,
  readInvitationLink,
  signProof,
} from "../../../lib/chat/wire/invitation.ts";
import { type ChatEvent, ChatProcess } from "../app/chat_process.ts";
import { leave as leaveAll, visit } from "../guests.ts";
import { until } from "../room.ts";
import { Inviter, roomOf } from "./inviter.ts";
import { joined, leave, nth, serve, test, texts } from "./people.ts";

/** Starts a server that has made an invitation; gives its link. */
async function inviting(...args: readonly string[]) {
  const { server } = await serve("-n", "bo", "--invite", ...args);
  const invitation = await server.event("invitation");
  return { server, invitation, link: String(invitation.link) };
}

/** Makes an invitation with a command. */
async function invite(process: ChatProcess, command: string, count = 1): Promise<string> {
  await process.type(`${command}\n`);
  return String((await nth(process, "invitation", count)).link);
}

/** Starts a guest that comes by a link and stays. */
function guest(link: string, name: string, ...args: readonly string[]): ChatProcess {
  return new ChatProcess(["client", link, "--name", name, "--json", "--listen", ...args], FLAGS);
}

/** How a process is told that an invitation has proved somebody. */
async function proved(process: ChatProcess, name: string): Promise<ChatEvent> {
  const is = (one: ChatEvent) => one.name === name && one.trust === "invited";
  await process.until((one) => one.all("trust").some(is), `${name} is invited`);
  return process.all("trust").find(is)!;
}

async function errorOf(process: ChatProcess, code: string): Promise<string> {
  const is = (one: ChatEvent) => one.code === code;
  await process.until((one) => one.all("error").some(is), code);
  return String(process.all("error").find(is)!.message);
}

test("a guest and its inviter see each other as invited by a link alone, and talk", async () => {
  const { server, invitation, link } = await inviting();
  await using _server = server;
  assertEquals([invitation.number, invitation.guests, invitation.came], [1, 1, []]);
  const lasts = Date.parse(String(invitation.expires)) - Date.parse(invitation.at);
  assert(Math.abs(lasts - 86_400_000) < 10_000, `it lasts ${lasts} ms`);
  assertMatch(link, /^parley:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
  await using ann = guest(link, "ann");
  assertEquals((await proved(server, "ann")).invitation, 1);
  assertEquals((await proved(ann, "bo")).invitation, undefined);
  await ann.type("hi bo\n");
  assertEquals((await server.event("message")).trust, "invited");
  await server.type("hi ann\n/who\n/invites\n");
  assertEquals((await ann.event("message")).trust, "invited");
  const { members } = await server.event("roster");
  assertEquals((members as ChatEvent[]).map(({ name, trust }) => [name, trust]), [
    ["bo", "verified"],
    ["ann", "invited"],
  ]);
  const { invitations } = await server.event("invitations");
  assertEquals((invitations as ChatEvent[]).map(({ number, came }) => [number, came]), [
    [1, ["ann"]],
  ]);
  // The secret is in one event, and nowhere else.
  const secret = link.slice(link.indexOf("#") + 1);
  const all = [...server.lines, ...server.errors, ...ann.lines, ...ann.errors];
  assertEquals(all.filter((line) => line.includes(secret)).map((line) => JSON.parse(line).event), [
    "invitation",
  ]);
});

test("the known-peers file keeps the status invited over restarts, without the link", async () => {
  await using scratch = await Scratch.make();
  const [bo, ann] = [await scratch.identity("bo"), await scratch.identity("ann")];
  const keep = (
    who: { file: string },
    peers: string,
  ) => ["-i", who.file, "-k", scratch.file(peers)];
  {
    const { server, link } = await inviting(...keep(bo, "of-bo"));
    await using _server = server;
    await using client = guest(link, "ann", ...keep(ann, "of-ann"));
    await Promise.all([proved(server, "ann"), proved(client, "bo")]);
    await leave(client);
    await leave(server);
  }
  const line = async (file: string) => (await scratch.lines(file)).map((one) => one.split(" "));
  assertEquals((await line("of-bo")).map(([name, , , status]) => [name, status]), [
    ["ann", "invited"],
  ]);
  assertEquals((await line("of-ann")).map(([name, , , status]) => [name, status]), [
    ["bo", "invited"],
  ]);
  const { server, address } = await serve("-n", "bo", ...keep(bo, "of-bo"));
  await using _server = server;
  const args = ["client", address, "-n", "ann", "--json", "--listen", ...keep(ann, "of-ann")];
  await using client = new ChatProcess(args, FLAGS);
  assertEquals((await joined(server, "ann")).trust, "invited");
  assertEquals((await joined(client, "bo")).trust, "invited");
});

test("a second guest of one link is warned, sends nothing and receives nothing, and the inviter is warned", async () => {
  const { server, link } = await inviting();
  await using _server = server;
  await using ann = guest(link, "ann");
  await proved(ann, "bo");
  await using eve = guest(link, "eve");
  await eve.type("for bo\n");
  assertEquals(await eve.ended(), 1);
  assertMatch(eve.errors[0]!, /^parley: .* SOMEBODY ELSE HAS YOUR LINK \(INVITATION_USED\)$/);
  assertEquals(eve.all("notice"), []);
  assertMatch(await errorOf(server, "INVITATION_USED"), /WAS USED TWICE: eve .* by which ann came/);
  assertEquals(texts(server), []);
  // The first guest may come again: one guest is one identity.
  assertEquals(server.all("trust").map(({ name }) => name), ["ann"]);
});

test("a withdrawn or unknown invitation gives a clear line on both sides", async () => {
  const { server, link } = await inviting();
  await using _server = server;
  await server.type("/uninvite 1\n/uninvite 1\n/invites\n");
  assertEquals((await server.event("invitations")).invitations, []);
  assertEquals((await server.event("withdrawn")).number, 1);
  assertEquals(server.all("error").map(({ code }) => code), ["NO_SUCH_INVITATION"]);
  const fragment = readInvitationLink(link);
  const unknown = invitationLink({ ...fragment, secret: new Uint8Array(16) });
  for (const [i, old] of [link, unknown].entries()) {
    await using ann = guest(old, `ann-${i}`);
    assertEquals(await ann.ended(), 1);
    assertMatch(ann.errors[0]!, /the invitation has expired or is withdrawn.*\(INVITATION_OVER\)$/);
    assertEquals(ann.errors[1], "hint: ask bo for another link");
  }
  await nth(server, "error", 3);
  assertEquals(server.all("error").slice(1).map(({ message }) => message), [
    "ann-0 came by invitation 1, which is withdrawn, and is not invited",
    "ann-1 came by a link that you have not made in this run, and is not invited",
  ]);
});

test("/invite --many accepts several guests, and works for a member that does not host the relay", async () => {
  const { server, address } = await serve("--relay-only");
  await using _server = server;
  const start = ["client", `${address}/tea`, "-n", "bo", "--json", "--listen"];
  await using bo = new ChatProcess(start, FLAGS);
  await bo.event("joined");
  const link = await invite(bo, "/invite --hours 2 --many");
  assertEquals(readInvitationLink(link).room, "tea");
  const { expires, at, guests } = bo.all("invitation")[0]!;
  assertEquals([guests, Math.round((Date.parse(String(expires)) - Date.parse(at)) / 3_600_000)], [
    null,
    2,
  ]);
  await using ann = guest(link, "ann");
  await using cy = guest(link, "cy");
  await Promise.all([proved(bo, "ann"), proved(bo, "cy"), proved(ann, "bo"), proved(cy, "bo")]);
  // Guests of one person do not know each other by that.
  assertEquals((await joined(cy, "ann")).trust, "new");
});

test("--invited admits guests and identities on --allow, and tells others what to do", async () => {
  await using scratch = await Scratch.make();
  const friend = await scratch.identity("friend");
  const list = await scratch.write("allow", `${friend.fingerprint}\n`);
  const { server, link } = await inviting("--invited", "--allow", list);
  await using _server = server;
  const { host, port } = readInvitationLink(link);
  const address = `${host}:${port}`;
  await using dan = new ChatProcess(
    ["client", address, "-n", "dan", "-i", friend.file, "--json", "--listen"],
    FLAGS,
  );
  await dan.event("joined");
  await using eve = new ChatProcess(["client", address, "-n", "eve", "--json"], FLAGS);
  assertEquals(await eve.ended(), 1);
  assertMatch(
    eve.errors.join("\n"),
    /\(NOT_ALLOWED\)\nhint: ask the server's owner for an invitation/,
  );
  await using ann = guest(link, "ann");
  await Promise.all([proved(server, "ann"), proved(ann, "bo")]);
  await using second = guest(link, "mallory");
  assertEquals(await second.ended(), 1);
  assertMatch(
    second.errors.join("\n"),
    /another identity has used the invitation \(INVITATION_USED\)\nhint: SOMEBODY ELSE HAS YOUR LINK/,
  );
  await server.type("/uninvite 1\n");
  await server.event("withdrawn");
  await using late = guest(link, "late");
  assertEquals(await late.ended(), 1);
  assertMatch(
    late.errors.join("\n"),
    /\(NOT_ALLOWED\)\nhint: the invitation has expired or was with/,
  );
  await nth(server, "refused", 3);
  assertEquals(server.all("refused").map(({ reason }) => reason), [
    "NOT_ALLOWED",
    "INVITATION_USED",
    "NOT_ALLOWED",
  ]);
  // Who came by the invitation stays.
  await server.type("/who\n");
  const { members } = await server.event("roster");
  assertEquals((members as ChatEvent[]).map(({ name }) => name), ["bo", "dan", "ann"]);
});

test("/invite of a member that does not host a restricted server warns that its guests may be refused", async () => {
  await using scratch = await Scratch.make();
  const friend = await scratch.identity("friend");
  const list = await scratch.write("allow", `${friend.fingerprint}\n`);
  const { server, link } = await inviting("--invited", "--allow", list);
  await using _server = server;
  const { host, port } = readInvitationLink(link);
  const stay = ["--json", "--commands", "--listen"];
  const client = (address: string, name: string, ...args: readonly string[]) =>
    new ChatProcess(["client", address, "-n", name, ...stay, ...args], FLAGS);
  await using dan = client(`${host}:${port}`, "dan", "-i", friend.file);
  await using ann = client(link, "ann");
  await Promise.all([proved(server, "ann"), dan.event("joined")]);
  const warning =
    "if this server does not admit everybody, it refuses your guest: ask its owner to invite instead";
  const links: string[] = [];
  for (const member of [dan, ann]) {
    links.push(await invite(member, "/invite"));
    await member.until(
      (one) => one.all("notice").some(({ text }) => text === warning),
      "it is told",
    );
  }
  for (const [i, one] of links.entries()) {
    await using refused = guest(one, `guest-${i}`);
    assertEquals(await refused.ended(), 1);
    assertMatch(
      refused.errors.join("\n"),
      /\(NOT_ALLOWED\)\nhint: .* or only its owner can invite: ask for another link$/m,
    );
  }
  // A server that let in a key of one run without a link admits everybody.
  const relay = openRelay({ port: 0 });
  await using _relay = relay;
  await using cy = client(`127.0.0.1:${relay.addr.port}`, "cy");
  await cy.event("joined");
  await invite(cy, "/invite");
  await cy.type("/who\n");
  await cy.event("roster");
  assertEquals(cy.all("notice").filter(({ text }) => text === warning), []);
});

// A relay that knows everything but the secret.

/** The peer that a member of this process sees under a name. */
async function peerOf(session: Session, name: string) {
  const find = () => session.members().find(({ credential }) => credential.name === name);
  await until(() => find() !== undefined, `${name} is seen`);
  return find()!;
}

test("an impostor in the inviter's place gets neither messages nor proof, whatever it answers", async () => {
  const relay = openRelay({ port: 0 });
  await using _relay = relay;
  const inviter = await Inviter.make(relay.addr.port);
  // It has the inviter's name, another key, and the invitation's public key.
  const eve = await visit(relay.addr.port, "bo", 1);
  await using ann = guest(inviter.link, "ann");
  await ann.type("for bo alone\n");
  const { publicKey } = inviter.invitation;
  const accepted = encodeInvitationNotice({ kind: "answer", publicKey, answer: "accepted" });
  const seen = await peerOf(eve.session, "ann");
  await until(() => eve.session.sendNotice(seen, "invitation", accepted), "the answer is sent");
  await until(() => eve.session.send("hello").ok, "eve speaks");
  assertEquals((await ann.event("message")).trust, "new");
  const waits = ann.all("notice").map(({ text }) => text);
  assertEquals(waits, [
    "waiting for the person who invited you: nothing is sent to anybody until then",
  ]);
  assertEquals(ann.all("trust"), []);
  // The guest told it neither its line nor its proof.
  const told = eve.events.filter(({ kind }) => kind === "message" || kind === "notice");
  assertEquals(told, []);
  await leaveAll(eve);

  // The real one comes, and the line that waited is for it.
  const bo = await inviter.join();
  await until(() => bo.events.some(({ kind }) => kind === "message"), "the line");
  assertEquals((await proved(ann, "bo")).fingerprint, inviter.fingerprint);
  await leaveAll(bo);
});

test("a proof for another guest, inviter or room invites nobody", async () => {
  const relay = openRelay({ port: 0 });
  await using _relay = relay;
  const address = `127.0.0.1:${relay.addr.port}`;
  await using bo = new ChatProcess(["client", address, "-n", "bo", "--json", "--listen"], FLAGS);
  await bo.event("joined");
  const link = await invite(bo, "/invite");
  const { secret } = readInvitationLink(link);
  const invitation = await openInvitation(secret);
  const eve = await visit(relay.addr.port, "eve", 1);
  const { credential } = await peerOf(eve.session, "bo");
  const place = {
    room: roomOf(eve),
    inviter: credential.member,
    guest: eve.session.self.member,
  };
  // What the guest signed, for another guest, another inviter or another room.
  const other = new Uint8Array(32);
  for (const wrong of [{ guest: other }, { inviter: other }, { room: other }]) {
    const proof = await signProof(invitation, inviterStatement({ ...place, ...wrong }));
    const body = encodeInvitationNotice({ kind: "proof", proof });
    assert(eve.session.sendNotice(await peerOf(eve.session, "bo"), "invitation", body));
  }
  assertEquals(
    await errorOf(bo, "INVITATION_FORGED"),
    "eve has a wrong proof of invitation 1, and is not invited",
  );
  // It is told once, and the invitation is still for the guest.
  await using ann = guest(link, "ann");
  await Promise.all([proved(bo, "ann"), proved(ann, "bo")]);
  assertEquals(bo.all("error").length, 1);
  await bo.type("/who\n");
  const { members } = await bo.event("roster");
  const trust = (members as ChatEvent[]).map(({ name, trust }) => `${name}: ${trust}`);
  assertEquals(trust, ["bo: verified", "eve: new", "ann: invited"]);
  await leaveAll(eve);
});

test("piped lines wait for the inviter until --give-up ends the chat", async () => {
  const relay = openRelay({ port: 0 });
  await using _relay = relay;
  const { link } = await Inviter.make(relay.addr.port);
  const other = await visit(relay.addr.port, "cy", 1);
  const args = ["client", link, "-n", "ann", "--give-up", "2000"];
  await using ann = new ChatProcess(args, FLAGS);
  await ann.type("one\ntwo\n");
  await ann.endInput();
  assertEquals(await ann.ended(), 1);
  assertMatch(
    ann.errors[0]!,
    /the person who invited you did not come within 2000 ms \(NOT_DELIVERED\)/,
  );
  assertEquals(other.events.filter(({ kind }) => kind === "message"), []);
  await leaveAll(other);
});

test("chat client - reads the link from the first line of a pipe, and messages from the others", async () => {
  const { server, link } = await inviting();
  await using _server = server;
  await using ann = new ChatProcess(["client", "-", "-n", "ann"], FLAGS);
  await ann.type(`${link}\nhello\n`);
  await ann.endInput();
  assertEquals(await ann.ended(), 0);
  const { text, trust } = await server.event("message");
  assertEquals([text, trust], ["hello", "invited"]);
  await using nobody = new ChatProcess(["client", "-"], FLAGS);
  await nobody.endInput();
  assertEquals(await nobody.ended(), 2);
  assertEquals(nobody.errors[0], "parley: chat client -: standard input has no link (USAGE)");
});

test("--invited without a guest or a list is wrong usage, and so are invitations with --relay-only", async () => {
  const usage = async (...args: string[]) => {
    await using server = new ChatProcess(["server", "--port", "0", ...args], FLAGS);
    assertEquals(await server.ended(), 2);
    return server.errors[0];
  };
  assertEquals(await usage("--invited"), "parley: --invited: nobody could join (USAGE)");
  for (const option of ["--invite", "--invited"]) {
    assertEquals(
      await usage("--relay-only", option, "--allow", "x"),
      `parley: ${option}: it is for a member, and --relay-only runs without one (USAGE)`,
    );
  }
  for (const [option, ...value] of [["--name", "ada"], ["--bell", "all"], ["--commands"]]) {
    assertEquals(
      await usage("--relay-only", option!, ...value),
      `parley: ${option}: it is for a member, and --relay-only runs without one (USAGE)`,
    );
  }
});
