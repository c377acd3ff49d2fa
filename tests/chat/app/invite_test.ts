/**
 * Invitations of a conversation, without processes: commands, links, texts, and a clock that the test moves.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import { ChatInvitations, type GuestPlace } from "../../../lib/chat/app/invite.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import {
  completeLine,
  isKept,
  parseInvite,
  parseLine,
} from "../../../lib/chat/app/slash_commands.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import type { Session } from "../../../lib/chat/runtime/session.ts";
import { Invitations } from "../../../lib/chat/trust/invitations.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import {
  encodeInvitationNotice,
  invitationLink,
  inviterOf,
  inviterStatement,
  openInvitation,
  readInvitationLink,
  signProof,
} from "../../../lib/chat/wire/invitation.ts";
import { readRoomAddress } from "../../../lib/commands/chat/chat.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { guestCredential } from "../guests.ts";
import { Clock, until } from "../room.ts";

Deno.test("parseLine() reads /invite with options in any order, /invites and /uninvite N", () => {
  const one = { kind: "invite", many: false, hours: 24 } as const;
  assertEquals(parseLine("/invite"), one);
  assertEquals(parseLine("/Invite  --many "), { ...one, many: true });
  assertEquals(parseLine("/invite --hours 8760"), { ...one, hours: 8760 });
  for (const words of ["--many --hours 2", "--hours 2 --many"]) {
    assertEquals(parseLine(`/invite ${words}`), { kind: "invite", many: true, hours: 2 });
  }
  assertEquals(parseLine("/invites"), { kind: "invites" });
  assertEquals(parseLine("/uninvite 12 "), { kind: "uninvite", number: 12 });
  const wrong = [
    "--hours",
    "--hours 0",
    "--hours 8761",
    "--hours 1.5",
    "--hours -1",
    "--hours 1e3",
  ];
  const twice = ["--many --many", "--hours 1 --hours 2", "ann", "--day"];
  for (const words of [...wrong, ...twice]) {
    assertEquals(parseInvite("invite", words), undefined, words);
    assertEquals(parseLine(`/invite ${words}`).kind, "mistake");
  }
  for (const line of ["/invites 1", "/uninvite", "/uninvite x", "/uninvite 0", "/uninvite 1 2"]) {
    assertEquals(parseLine(line).kind, "mistake", line);
  }
  assertEquals(completeLine("/inv", []).candidates, ["/invite ", "/invites"]);
});

const SECRET = new Uint8Array(16).fill(7);
const INVITER = new Uint8Array(16).fill(9);

Deno.test("readRoomAddress() reads an invitation link with or without its scheme", () => {
  const target = { host: "a.example", port: 4396, room: "tea", secret: SECRET, inviter: INVITER };
  const link = invitationLink(target);
  for (const text of [link, link.replace("parley", "Parley"), link.slice("parley://".length)]) {
    const { hostname, port, roomName, invitation } = readRoomAddress(text);
    assertEquals([hostname, port, roomName], ["a.example", 4396, "tea"]);
    assertEquals([invitation?.secret, invitation?.inviter], [SECRET, INVITER]);
  }
  assertEquals(readRoomAddress("a.example/#tea").roomName, "#tea");
});

Deno.test("an error about a malformed link does not contain the link's secret", () => {
  const link = invitationLink(
    { host: "a.example", port: 4396, room: "", secret: SECRET, inviter: INVITER },
  );
  const secret = link.slice(link.indexOf("#") + 1, -10);
  const wrong = [
    link.slice(0, -1),
    `${link}x`,
    `${link.slice("parley://".length)}.`,
    `${link.slice("parley://".length)})`,
    link.replace("parley:", "parley"),
    link.replace("parley:", "pårley:"),
    link.replace("a.example", "a example"),
    link.replace("a.example", "a.example:99999"),
    link.slice("parley://".length, -3),
    `<${link}>`,
    `x://${link}`,
    `${link} ${link}`,
    link.replace("/#", "/a/b#"),
    link.replace("/#", "/a b#"),
    link.replace("/#", "/?x#"),
  ];
  for (const text of wrong) {
    const { message, hint } = assertThrows(() => readRoomAddress(text), Failure, "", text);
    assert(!`${message} ${hint}`.includes(secret), `${text} gives ${message} ${hint}`);
    assertMatch(message, /^cannot read the /, text);
  }
});

Deno.test("isKept() keeps lines with a link out of the history file", () => {
  const link = invitationLink(
    { host: "a.example", port: 4396, room: "", secret: SECRET, inviter: INVITER },
  );
  assertEquals(isKept(`join me: ${link}`), false);
  assertEquals(isKept("see https://a.example/page#part"), true);
});

const PLACE: GuestPlace = { hostname: "a.example", port: 4396, roomName: "tea", tls: false };

/** The invitations of ada, what they print, and a guest that comes by them. */
async function inviting(place: GuestPlace = PLACE) {
  const clock = new Clock();
  const [self, other] = [await guestCredential("ada", 0), await guestCredential("bo", 1)];
  const trust = new Trust({ known: KnownPeers.parse("") });
  const book = new Invitations({ now: clock.now });
  const invitations = new ChatInvitations({ trust, book, place: () => place });
  const [lines, kept, sent]: [string[], string[], string[]] = [[], [], []];
  const print = (printed: readonly string[], _mark?: number, keeps = printed) => {
    lines.push(...printed);
    kept.push(...keeps);
  };
  const presenter = new Transcript({ style: makeStyle(false), echo: false, who: trust });
  const display = {
    print,
    caughtUp: () => undefined,
    failed: new Promise(() => {}),
    failure: undefined,
  };
  invitations.showIn({ presenter, display });
  const sendNotice = (peer: Peer) => (sent.push(peer.credential.name), true);
  invitations.begin({ self, sendNotice } as unknown as Session, (error) => {
    throw error;
  });
  const room = new Uint8Array(32).fill(1);
  invitations.tell({ kind: "admitted", self, room });
  const peer: Peer = { number: 2, credential: other, confirmed: true, away: false };
  const come = async (link: string, name?: string) => {
    const from = name === undefined ? peer : { ...peer, credential: { ...other, name } };
    const invitation = await openInvitation(readInvitationLink(link).secret);
    const proof = await signProof(
      invitation,
      inviterStatement({
        room,
        inviter: self.member,
        guest: other.member,
      }),
    );
    const body = encodeInvitationNotice({ kind: "proof", proof });
    const answers = sent.length + 1;
    invitations.tell({ kind: "notice", notice: "invitation", peer: from, body });
    await until(() => sent.length === answers, "an answer");
  };
  return { invitations, trust, clock, peer, lines, kept, come, self };
}

/** The link that a line shows. */
function linkIn(lines: readonly string[]): string {
  return /parley:\/\/\S+#[\w-]{43}/.exec(lines.join("\n"))![0];
}

Deno.test("an expired invitation is reported once, and its guest is not invited", async () => {
  const { invitations, trust, clock, peer, lines, come } = await inviting();
  await invitations.invite(false, 2);
  const link = linkIn(lines);
  clock.advance(2 * 3_600_000 - 1);
  assertEquals(invitations.list().length, 1);
  clock.advance(1);
  assertEquals(invitations.list(), []);
  lines.length = 0;
  await come(link);
  await come(link);
  const text = "bo came by invitation 1, which has expired, and is not invited";
  assertEquals(lines, [`! ${text} (INVITATION_OVER)`]);
  assertEquals(trust.of(peer.credential), "new");
});

Deno.test("the joining of a guest is one line of its own, apart from the gathered arrivals", async () => {
  const { peer, trust } = await inviting();
  const presenter = new Transcript({
    ...{ style: makeStyle(false), echo: false, who: trust, gathers: true },
  });
  const other: Peer = { ...peer, number: 3, credential: { ...peer.credential, name: "cy" } };
  const joined = [peer, other].flatMap((one) =>
    presenter.event({ kind: "joined", peer: one, present: false })
  );
  const lines = [...joined, ...presenter.invitation({ kind: "guest", peer, number: 3 })];
  assertEquals(lines, ["* bo joins by your invitation 3"]);
  assertEquals(presenter.gathered(), ["* cy joined (new)"]);
});

Deno.test("a guest that used the invitation in time stays invited after it expires", async () => {
  const { invitations, trust, clock, peer, lines, come } = await inviting();
  await invitations.invite(false, 1);
  const link = linkIn(lines);
  lines.length = 0;
  await come(link);
  assertEquals(trust.of(peer.credential), "invited");
  clock.advance(24 * 3_600_000);
  await come(link);
  assertEquals(lines, ["* bo joins by your invitation 1"]);
  assertEquals(trust.of(peer.credential), "invited");
});

Deno.test("a guest whose key has changed stays refused until /trust, and is invited then", async () => {
  const { invitations, trust, peer, lines, come } = await inviting();
  const old = `SHA256:${"x".repeat(42)}A`;
  trust.replaceKnown(KnownPeers.parse(`bo ${old} 2026-11-01 verified\n`));
  trust.meet(peer);
  await invitations.invite(false, 1);
  // A member that hides a peer is told none of its notices; here one comes all the same.
  await come(linkIn(lines));
  assertEquals([trust.of(peer.credential), trust.hides(peer)], ["changed", true]);
  assertEquals(trust.trust(peer.credential).ok, true);
  assertEquals(trust.of(peer.credential), "invited");
});

Deno.test("the command of an invitation names room and TLS and is quoted for a shell; the log keeps no link", async () => {
  const { invitations, lines, kept } = await inviting({
    ...PLACE,
    hostname: "fd00::7",
    port: 5000,
    roomName: "a&b",
    tls: true,
    refusal: "the server refuses guests",
  });
  await invitations.invite(true, 1);
  const [command, advice, refusal] = lines;
  assertMatch(
    command!,
    /^\* invitation 1: parley chat client 'parley:\/\/\[fd00::7\]:5000\/a%26b#[\w-]{43}' --tls \(for many guests, until /,
  );
  assertEquals(advice, "* send it privately: whoever has the link is your guest");
  assertEquals(refusal, "* the server refuses guests");
  assertMatch(
    kept[0]!,
    /^\* invitation 1: parley chat client 'parley:\/\/\[fd00::7\]:5000\/a%26b#…/,
  );
  assertEquals(kept.slice(1), lines.slice(1));
});

Deno.test("a relay that serves the page gives a link for browsers, except over http to another machine", async () => {
  const page = { scheme: "https", hostname: "a.example", port: 4396 } as const;
  const { invitations, lines, kept } = await inviting({ ...PLACE, page });
  await invitations.invite(false, 1);
  const web = /or in a browser: (https:\/\/a\.example:4396\/tea#[\w-]{43}) \(/.exec(lines[0]!)![1]!;
  assertEquals(web.slice(-43), linkIn(lines).slice(-43));
  assertMatch(kept[0]!, /in a browser: https:\/\/a\.example:4396\/tea#… \(/);
  // A browser gives no cryptography to http, except on its own machine.
  const plain = await inviting({ ...PLACE, page: { ...page, scheme: "http" } });
  await plain.invitations.invite(false, 1);
  assert(!plain.lines[0]!.includes("browser"), plain.lines[0]);
});

Deno.test("readRoomAddress() reads a link for browsers, with the prefix of a proxy, as a WebSocket address", () => {
  const target = { host: "a.example", port: 443, room: "tea", secret: SECRET, inviter: INVITER };
  for (const prefix of ["", "/parley", "/x/y"]) {
    const link = invitationLink({ ...target, prefix }, "https");
    const { invitation, ...address } = readRoomAddress(link);
    const web = { path: `${prefix}/chat`, isSecure: true };
    assertEquals(address, { hostname: "a.example", port: 443, roomName: "tea", web });
    assertEquals(invitation?.secret, SECRET);
  }
});

Deno.test("a member that joined under a proxy's prefix invites under it if its WebSocket path ends in /chat", async () => {
  const joined = { ...PLACE, port: 443, scheme: "https" } as const;
  const { invitations, lines } = await inviting({ ...joined, path: "/parley/chat" });
  await invitations.invite(false, 1);
  const command = /parley chat client (https:\S+) \(/.exec(lines[0]!)![1]!;
  assertMatch(command, /^https:\/\/a\.example\/parley\/tea#[\w-]{43}$/);
  const { hostname, port, web, roomName } = readRoomAddress(command);
  assertEquals([hostname, port, web?.path, roomName], ["a.example", 443, "/parley/chat", "tea"]);
  const odd = await inviting({ ...joined, path: "/parley/socket" });
  await odd.invitations.invite(false, 1);
  const error = "! a link cannot name a.example/parley/socket: use another address of the server";
  assertEquals([odd.lines, odd.invitations.list()], [[`${error} (NO_LINK)`], []]);
});

Deno.test("a link contains HOST if the address is unknown; an address that no link can name is an error", async () => {
  const unknown = await inviting({ ...PLACE, hostname: undefined, roomName: "" });
  await unknown.invitations.invite(false, 1);
  assertMatch(unknown.lines[0]!, /parley:\/\/HOST\/#.*; HOST is this machine's name or address\)$/);
  const zone = await inviting({ ...PLACE, hostname: "fe80::1%eth0" });
  await zone.invitations.invite(false, 1);
  const error = "! a link cannot name fe80::1%eth0: use another address of the server (NO_LINK)";
  assertEquals(zone.lines, [error]);
  assertEquals(zone.invitations.list(), []);
});

Deno.test("--json reports an invitation as an event with its link, its expiry and its number of guests", async () => {
  const book = new Invitations({ now: new Clock().now });
  const invitation = (await book.make({ room: "", many: true }))!;
  const report = new Report();
  const fields = (news: Parameters<Report["invitation"]>[0]) =>
    report.invitation(news).map((line) => {
      const { at: _at, ...rest } = JSON.parse(line);
      return rest;
    });
  const expires = new Date(invitation.expiresAt).toISOString();
  const one = { number: 1, expires, guests: null, came: [] };
  const [link, command] = ["parley://h/#s", "parley chat client parley://h/#s"];
  const web = "https://h/#s";
  const made = { kind: "made", invitation, link, web, command } as const;
  assertEquals(fields({ ...made, from: "elsewhere", atStart: true }), [
    { event: "invitation", ...one, link, web },
  ]);
  assertEquals(fields({ kind: "listed", invitations: [invitation] }), [
    { event: "invitations", invitations: [one] },
  ]);
  assertEquals(fields({ kind: "withdrawn", number: 1 }), [{ event: "withdrawn", number: 1 }]);
});

Deno.test("a guest gives keys only to its inviter until the inviter accepts it", async () => {
  const [ada, bo] = [await guestCredential("ada", 0), await guestCredential("bo", 1)];
  const trust = new Trust({ known: KnownPeers.parse("") });
  const target = { host: "a.example", port: 1, room: "", secret: SECRET };
  const link = readInvitationLink(
    invitationLink({ ...target, inviter: inviterOf(ada.fingerprint) }),
  );
  const own = { link, invitation: await openInvitation(SECRET) };
  const { policy, gate } = new ChatInvitations({
    trust,
    book: new Invitations(),
    own,
    place: () => PLACE,
  });
  const peer = (credential: typeof ada): Peer => ({
    number: 2,
    credential,
    confirmed: true,
    away: false,
  });
  assertEquals([policy.obstacle(peer(ada)), policy.mayNotify?.(peer(ada))], [undefined, true]);
  assert(policy.obstacle(peer(bo)) !== undefined);
  assertEquals([policy.mayNotify?.(peer(bo)), policy.hides(peer(bo))], [false, false]);
  // What the person decides holds as well: --strict, /exclude and changed keys.
  trust.exclude(ada);
  assert(policy.obstacle(peer(ada)) !== undefined);
  assertEquals([gate?.closed, gate?.absent], Array(2).fill("the person who invited you"));
});
