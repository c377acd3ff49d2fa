/**
 * The secret, the key, the link, the proofs and the notices of invitations.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { type Bytes, MalformedError, secureRandom } from "../../../lib/base/bytes.ts";
import { CONTEXT, inContext, sign } from "../../../lib/chat/identity/signing.ts";
import {
  encodeInvitationNotice,
  encodeProof,
  INVITATION_ANSWERS,
  type InvitationLink,
  invitationLink,
  type InvitationTarget,
  inviterOf,
  inviterStatement,
  type LinkScheme,
  MAX_LINK_LENGTH,
  openInvitation,
  readInvitationLink,
  readInvitationNotice,
  readProof,
  relayStatement,
  signProof,
  verifyProof,
} from "../../../lib/chat/wire/invitation.ts";
import { MAX_NOTICE_BYTES } from "../../../lib/chat/wire/content.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => i);
const INVITER = Uint8Array.from({ length: 16 }, (_, i) => 0xff - i);
const FRAGMENT = "AAECAwQFBgcICQoLDA0OD__-_fz7-vn49_b19PPy8fA";

function targetOf(changes: Partial<InvitationTarget> = {}): InvitationTarget {
  return {
    host: "chat.example",
    port: 4396,
    room: "",
    secret: SECRET,
    inviter: INVITER,
    ...changes,
  };
}

Deno.test("a secret has one key pair, which another run finds again", async () => {
  const one = await openInvitation(SECRET);
  const other = await openInvitation(SECRET);
  assertEquals(
    one.publicKey.toHex(),
    "8f8670f399a1696e881e97a32832f971faf1dae1152148f701d8db9104d0882b",
  );
  assertEquals([other.publicKey, other.secret], [one.publicKey, SECRET]);
  assertEquals(one.key.extractable, false);
  const others = await openInvitation(SECRET.with(15, 16));
  assert(others.publicKey.toHex() !== one.publicKey.toHex());
});

Deno.test("a secret has 16 bytes", async () => {
  for (const length of [0, 15, 17, 32]) {
    await assertRejects(() => openInvitation(secureRandom(length)), MalformedError, `${length}`);
  }
});

Deno.test("a link says host, port, room, secret and inviter, and is read as it was written", () => {
  const links: [InvitationTarget, LinkScheme, string][] = [
    [targetOf(), "parley", `parley://chat.example/#${FRAGMENT}`],
    [targetOf({ port: 443 }), "parley", `parley://chat.example:443/#${FRAGMENT}`],
    [targetOf({ port: 443 }), "https", `https://chat.example/#${FRAGMENT}`],
    [targetOf({ room: "tea" }), "https", `https://chat.example:4396/tea#${FRAGMENT}`],
    [
      targetOf({ host: "::1", room: "ü#?%" }),
      "http",
      `http://[::1]:4396/%C3%BC%23%3F%25#${FRAGMENT}`,
    ],
    [targetOf({ host: "127.0.0.1", port: 80 }), "http", `http://127.0.0.1/#${FRAGMENT}`],
    [targetOf({ host: "2001:db8::1" }), "parley", `parley://[2001:db8::1]/#${FRAGMENT}`],
    [
      targetOf({ port: 443, prefix: "/chats/%C3%BC.d", room: "tea" }),
      "https",
      `https://chat.example/chats/%C3%BC.d/tea#${FRAGMENT}`,
    ],
    [
      targetOf({ host: "::1", port: 80, prefix: "/..." }),
      "http",
      `http://[::1]/.../#${FRAGMENT}`,
    ],
  ];
  for (const [target, scheme, link] of links) {
    assertEquals(invitationLink(target, scheme), link);
    assertEquals(readInvitationLink(link), { scheme, ...target });
  }
});

Deno.test("every target that fits into a link is read back", () => {
  const room = fc.string({ unit: "grapheme", maxLength: 20 })
    .map((text) => text.normalize("NFKC").replaceAll(/[/\p{C}\p{White_Space}]/gu, ""))
    .filter((text) =>
      new TextEncoder().encode(text).length <= 64 && text.normalize("NFKC") === text
    );
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((list) => list.slice());
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.constant("::1"), fc.constant("fe80::7"));
  const port = fc.integer({ min: 1, max: 65_535 });
  const targets = fc.record({ host, port, room, secret: bytes, inviter: bytes });
  const segment = fc.stringMatching(/^[A-Za-z0-9_~!$&'()*+,;=:@-]{1,9}$/);
  const prefixes = fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map((one) => `/${one}`).join("")
  );
  const schemes = fc.oneof(
    fc.record({ scheme: fc.constantFrom<LinkScheme>("parley", "https") }),
    fc.record({ scheme: fc.constant<LinkScheme>("https"), prefix: prefixes }),
  );
  fc.assert(fc.property(targets, schemes, (one, { scheme, ...prefix }) => {
    const target = { ...one, ...prefix } as InvitationTarget;
    const link = invitationLink(target, scheme);
    assertEquals(readInvitationLink(link), { ...target, host: target.host.toLowerCase(), scheme });
  }));
});

Deno.test("the longest host and room fit into a link", () => {
  const host = `${"a".repeat(63)}.`.repeat(3) + "b".repeat(61);
  const link = invitationLink(
    targetOf({ host, room: "𝒳ü".normalize("NFKC").repeat(21), port: 65_535 }),
  );
  assert(link.length <= MAX_LINK_LENGTH, `${link.length}`);
  const most = `https://${"h".repeat(255)}:65535/${"%AA".repeat(64)}#${FRAGMENT}`;
  assert(most.length <= MAX_LINK_LENGTH, `${most.length}`);
});

Deno.test("a link's scheme is read in any case, as URLs have it", () => {
  for (const scheme of ["parley", "https"] as const) {
    const link = readInvitationLink(`${scheme.toUpperCase()}://Chat.example/tea#${FRAGMENT}`);
    assertEquals([link.scheme, link.host, link.room], [scheme, "chat.example", "tea"]);
  }
});

Deno.test("a malformed link is refused in one line that contains no part of it", () => {
  const whole = `parley://chat.example/tea#${FRAGMENT}`;
  const bad: Record<string, string> = {
    "": "does not begin",
    "chat.example:4396/tea": "does not begin",
    [`ftp://chat.example/tea#${FRAGMENT}`]: "does not begin",
    [`javascript://chat.example/tea#${FRAGMENT}`]: "does not begin",
    [`${whole}\n`]: "character 70 is a blank, a control or not ASCII",
    [` ${whole}`]: "character 1 is a blank",
    [`parley://chat.example/t\u001b[2Jea#${FRAGMENT}`]: "character 24",
    [`parley://chat.example/tea\u202e#${FRAGMENT}`]: "character 26",
    [`parley://bücher.example/tea#${FRAGMENT}`]: "character 11",
    "parley://chat.example/tea": "quotes",
    "parley://chat.example/tea#": "0 characters follow #",
    [whole.slice(0, -1)]: "42 characters",
    [`${whole}A`]: "44 characters",
    [`${whole.slice(0, -1)}B`]: "was changed",
    [`${whole.slice(0, -2)}+A`]: "was changed",
    [`${whole.slice(0, -2)}==`]: "was changed",
    [`parley:///tea#${FRAGMENT}`]: "HOST",
    [`parley://user@chat.example/tea#${FRAGMENT}`]: "HOST",
    [`parley://user:pass@chat.example/tea#${FRAGMENT}`]: "HOST",
    [`parley://chat.example:/tea#${FRAGMENT}`]: "HOST",
    [`parley://chat.example:+80/tea#${FRAGMENT}`]: "HOST",
    [`parley://chat.example:0/tea#${FRAGMENT}`]: "port",
    [`parley://chat.example:65536/tea#${FRAGMENT}`]: "port",
    [`parley://1.2.3.4.5/tea#${FRAGMENT}`]: "host is not valid",
    [`parley://[::1/tea#${FRAGMENT}`]: "HOST",
    [`parley://[1::2::3]/tea#${FRAGMENT}`]: "host is not valid",
    [`parley://[fe80::1%25eth0]/tea#${FRAGMENT}`]: "HOST",
    [`parley://::1/tea#${FRAGMENT}`]: "HOST",
    [`parley://chat%2eexample/tea#${FRAGMENT}`]: "HOST",
    [`parley://chat.example/tea/#${FRAGMENT}`]: "more than a room",
    [`parley://chat.example/a/b#${FRAGMENT}`]: "more than a room",
    [`https://chat.example//tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a//tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a/../tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/%2E%2e/a/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/./tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a%2f..%2fb/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a%2F/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/..%5c/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/%5C/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a?b/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/a\\b/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/%zz/tea#${FRAGMENT}`]: "is no path",
    [`https://chat.example/"/tea#${FRAGMENT}`]: "is no path",
    [`parley://chat.example/a%2Fb#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/a%20b#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/%E2%80%AE#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/%C3#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/%#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/${"a".repeat(65)}#${FRAGMENT}`]: "room's name",
    [`parley://chat.example/tea?x=1#${FRAGMENT}`]: "room's name",
    [`parley://chat.example?x#${FRAGMENT}`]: "HOST",
    [`http://chat.example/tea#${FRAGMENT}`]: "this machine",
    [`http://127.0.0.1.example/tea#${FRAGMENT}`]: "this machine",
    [`https://${"a".repeat(600)}/tea#${FRAGMENT}`]: "656 characters",
  };
  for (const [link, why] of Object.entries(bad)) {
    const error = assertThrows(() => readInvitationLink(link), MalformedError, why, link);
    assertEquals(error.message.split("\n").length, 1);
    assert(!error.message.includes(FRAGMENT.slice(0, 8)) && !error.message.includes("example"));
  }
});

Deno.test("a target that is not valid gives no link", () => {
  const bad: Partial<InvitationTarget>[] = [
    { host: "" },
    { host: "a b" },
    { host: "a/b" },
    { port: 0 },
    { port: 65_536 },
    { room: "a b" },
    { room: "a/b" },
    { prefix: "/a" },
    { secret: SECRET.slice(1) },
    { inviter: new Uint8Array(32) },
  ];
  for (const one of bad) assertThrows(() => invitationLink(targetOf(one)), MalformedError);
  for (const prefix of ["a", "/", "/a/", "/..", "/a b", "/a#b", "@b"]) {
    assertThrows(() => invitationLink(targetOf({ prefix }), "https"), MalformedError);
  }
  assertThrows(() => invitationLink(targetOf(), "http"), MalformedError, "this machine");
});

Deno.test("a link names the inviter by the first half of the fingerprint's hash", () => {
  const hash = secureRandom(32);
  assertEquals(inviterOf(`SHA256:${hash.toBase64({ omitPadding: true })}`), hash.slice(0, 16));
});

// Proofs.

/** A place of its own, and another one in which one of the three is another. */
function placeOf() {
  return { room: secureRandom(32), inviter: secureRandom(32), guest: secureRandom(32) };
}

Deno.test("a proof holds for its room, inviter and guest, and for no other", async () => {
  const invitation = await openInvitation(secureRandom(16));
  const place = placeOf();
  const proof = await signProof(invitation, inviterStatement(place));
  assertEquals(await verifyProof(proof, inviterStatement(place)), true);
  for (const field of ["room", "inviter", "guest"] as const) {
    assertEquals(
      await verifyProof(proof, inviterStatement({ ...place, [field]: secureRandom(32) })),
      false,
      field,
    );
  }
  // Reflected: the guest as the inviter.
  const { room, inviter, guest } = place;
  assertEquals(
    await verifyProof(proof, inviterStatement({ room, inviter: guest, guest: inviter })),
    false,
  );
  const { publicKey } = await openInvitation(secureRandom(16));
  assertEquals(await verifyProof({ ...proof, publicKey }, inviterStatement(place)), false);
});

Deno.test("a proof for a relay holds for its transcript and guest, and is none for an inviter", async () => {
  const invitation = await openInvitation(secureRandom(16));
  const [transcript, guest] = [secureRandom(60), secureRandom(32)];
  const proof = await signProof(invitation, relayStatement(transcript, guest));
  assertEquals(await verifyProof(proof, relayStatement(transcript, guest)), true);
  assertEquals(await verifyProof(proof, relayStatement(transcript, secureRandom(32))), false);
  assertEquals(
    await verifyProof(proof, relayStatement(transcript.with(9, transcript[9]! ^ 1), guest)),
    false,
  );
  // Both sign 96 bytes here: the contexts tell them apart.
  const place = placeOf();
  const both = concat([place.room, place.inviter]);
  const forRelay = await signProof(invitation, relayStatement(both, place.guest));
  assertEquals(await verifyProof(forRelay, inviterStatement(place)), false);
  const forInviter = await signProof(invitation, inviterStatement(place));
  assertEquals(await verifyProof(forInviter, relayStatement(both, place.guest)), false);
});

Deno.test("a public key of small order, or one that is no key, proves nothing", async () => {
  const place = placeOf();
  for (const publicKey of [new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
    const forged = { publicKey, signature: new Uint8Array(64) };
    assertEquals(await verifyProof(forged, inviterStatement(place)), false);
    assertEquals(await verifyProof(forged, relayStatement(secureRandom(60), place.guest)), false);
  }
});

Deno.test("a proof says what it signs by the room's id and the members' hashes", async () => {
  const invitation = await openInvitation(SECRET);
  const place = placeOf();
  const statement = inContext(CONTEXT.invitation, place.room, place.inviter, place.guest);
  const { signature } = await signProof(invitation, inviterStatement(place));
  assertEquals(signature, await sign(invitation.key, statement));
});

// Notices.

Deno.test("notices of invitations are read back as they were put in, and fit into a notice", async () => {
  const proof = await signProof(
    await openInvitation(secureRandom(16)),
    inviterStatement(placeOf()),
  );
  const body = encodeInvitationNotice({ kind: "proof", proof });
  assertEquals(readInvitationNotice(body), { kind: "proof", proof });
  assertEquals([body.length, body.length <= MAX_NOTICE_BYTES], [1 + 32 + 64, true]);
  for (const answer of INVITATION_ANSWERS) {
    const notice = { kind: "answer", publicKey: proof.publicKey, answer } as const;
    assertEquals(readInvitationNotice(encodeInvitationNotice(notice)), notice);
  }
  assertEquals(readProof(encodeProof(proof)), proof);
});

Deno.test("a notice or a proof that is malformed is refused", () => {
  const zeros = (length: number): Bytes => new Uint8Array(length);
  const bad: Bytes[] = [
    zeros(0),
    zeros(97),
    zeros(97).with(0, 3),
    zeros(96).with(0, 1),
    zeros(98).with(0, 1),
    zeros(33).with(0, 2),
    zeros(34).with(0, 2).with(33, INVITATION_ANSWERS.length),
    zeros(35).with(0, 2),
    zeros(34).with(0, 3),
  ];
  for (const body of bad) assertThrows(() => readInvitationNotice(body), MalformedError);
  for (const length of [0, 95, 97]) {
    assertThrows(() => readProof(zeros(length)), MalformedError);
  }
});

Deno.test("the link to a room whose name ends in .html does not look like the address of a file", () => {
  const target = { host: "chat.example", port: 443, secret: SECRET, inviter: INVITER };
  const link = invitationLink({ ...target, room: "a.html.html" }, "https");
  assertEquals(link, `https://chat.example/a.html%2Ehtml#${FRAGMENT}`);
  assertEquals(new URL(link).pathname, "/a.html%2Ehtml");
  assertEquals(readInvitationLink(link).room, "a.html.html");
  assertEquals(readInvitationLink(link.replace("%2E", ".")).room, "a.html.html");
});

Deno.test("whatever comes as a link or a notice is read or refused, and nothing else", () => {
  const link: fc.Arbitrary<string> = fc.oneof(
    fc.string({ unit: "binary", maxLength: 600 }),
    fc.webUrl({ withFragments: true }),
    fc.string({ maxLength: 80 }).map((text) => `parley://${text}#${FRAGMENT}`),
  );
  const refused = (read: () => unknown) => {
    try {
      read();
    } catch (error) {
      assert(error instanceof MalformedError, String(error));
    }
  };
  fc.assert(fc.property(link, (text) => refused(() => readInvitationLink(text))));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 128 }),
      (body) => refused(() => readInvitationNotice(body.slice())),
    ),
  );
  const read: InvitationLink = readInvitationLink(`parley://chat.example/tea#${FRAGMENT}`);
  assertEquals(read.room, "tea");
});
