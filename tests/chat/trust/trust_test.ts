// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Credential } from "../../../lib/chat/identity/credential.ts";
import { foldName } from "../../../lib/chat/identity/name.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import { standingText } from "../../../lib/chat/app/peer_texts.ts";
import {
  KnownPeers,
  type KnownPeersChange,
  MAX_UNDECIDED,
} from "../../../lib/chat/trust/known_peers.ts";
import {
  type Crowding,
  type Decision,
  MAX_ALIASES,
  MAX_FAMILIAR,
  MAX_SAVED,
  Trust,
  type TrustOptions,
} from "../../../lib/chat/trust/trust.ts";

const print = (letter: string) => `SHA256:${letter.repeat(42)}A`;
const [F, G, H] = [print("f"), print("g"), print("h")];

function peer(name: string, fingerprint: string, confirmed = true): Peer {
  const credential = { name, folded: foldName(name), fingerprint } as Credential;
  return { number: 1, credential, confirmed, away: false };
}

/** Trust with a file of these lines, and what is written to it. */
function trustOf(lines: readonly string[], options: Partial<TrustOptions> = {}) {
  const changes: KnownPeersChange[] = [];
  const trust = new Trust({
    known: KnownPeers.parse(lines.map((line) => `${line}\n`).join("")),
    remember: (change) => changes.push(change),
    now: () => 0,
    ...options,
  });
  const of = (one: Peer) => {
    trust.meet(one);
    return trust.of(one.credential);
  };
  const reads = (one: Peer) => trust.obstacle(one) === undefined;
  return { trust, changes, of, reads };
}

const known = (name: string, fingerprint: string, status = "unverified") =>
  `${name} ${fingerprint} 2026-11-01 ${status}`;

function code(decision: Decision): string {
  return decision.ok ? "OK" : decision.code;
}

Deno.test("a person met for the first time is new, receives and is shown, and is known in the next run", () => {
  const { trust, changes, of, reads } = trustOf([]);
  const bo = peer("bo", F);
  assertEquals(of(bo), "new");
  assert(reads(bo) && !trust.hides(bo));
  // In this run it stays new: coming again makes nobody known.
  assertEquals(of(bo), "new");
  assertEquals(changes, [{ kind: "meet", name: "bo", fingerprint: F, at: 0 }]);
});

Deno.test("without a known-peers file nothing is remembered", () => {
  const { trust, of } = trustOf([], { remember: undefined });
  assertEquals([of(peer("bo", F)), of(peer("bo", G))], ["new", "new"]);
  // But it is said that the name has another key than before.
  assertEquals(trust.standing(peer("bo", G).credential).before, F);
});

Deno.test("a person is known or verified by name and key, in any letter case of the name", () => {
  const { of, changes } = trustOf([known("bo", F, "familiar"), known("ada", G, "verified")]);
  assertEquals([of(peer("BO", F)), of(peer("ada", G))], ["known", "verified"]);
  assertEquals(changes, []);
});

Deno.test("a member with a known name and another key gets no keys and is not shown until /trust", () => {
  const { trust, changes, of, reads } = trustOf([known("bo", F, "verified")]);
  const bo = peer("bo", G);
  assertEquals(of(bo), "changed");
  assert(!reads(bo) && trust.hides(bo));
  assertEquals(changes, []);
  assertEquals(code(trust.verify(bo.credential)), "KEY_CHANGED");
  assertEquals(code(trust.trust(bo.credential)), "OK");
  assertEquals(trust.of(bo.credential), "known");
  assert(reads(bo) && !trust.hides(bo));
  assertEquals(changes.map(({ kind }) => kind), ["trust"]);
  // What was its key before is now the one that is refused.
  assertEquals(of(peer("bo", F)), "changed");
});

Deno.test("a name with two keys in the file is known by either, and changed by a third", () => {
  const { of } = trustOf([known("bo", F), known("bo", G)]);
  assertEquals([F, G, H].map((print) => of(peer("bo", print))), ["known", "known", "changed"]);
});

Deno.test("two identities that swap names are both refused, with the name that each had", () => {
  const { trust, of } = trustOf([known("ada", F, "verified"), known("bo", G)]);
  assertEquals([of(peer("ada", G)), of(peer("bo", F))], ["changed", "changed"]);
  assertEquals(trust.standing(peer("bo", F).credential).aliases, [{ name: "ada", verified: true }]);
});

Deno.test("a known identity under a new name is new, and its other names are shown", () => {
  const { trust, of } = trustOf([known("bo", F, "verified")]);
  const bob = peer("bob", F);
  assertEquals(of(bob), "new");
  assertEquals(trust.standing(bob.credential).aliases, [{ name: "bo", verified: true }]);
});

Deno.test("two members with one identity are reported as one person", () => {
  const { trust, of } = trustOf([], { remember: undefined });
  of(peer("bo", F));
  of(peer("bo-phone", F));
  const { aliases } = trust.standing(peer("bo-phone", F).credential);
  assertEquals(aliases, [{ name: "bo", verified: false }]);
});

Deno.test("an invited person ranks above a known one, receives in a locked room, and stays invited", () => {
  const lines = [known("ada", G, "familiar"), known("cy", H, "verified")];
  const { trust, changes, of, reads } = trustOf(lines);
  const [bo, ada, cy] = [peer("bo", F), peer("ada", G), peer("cy", H)] as const;
  assertEquals([of(bo), of(ada), of(cy)], ["new", "known", "verified"]);
  trust.invite(bo, "invited you");
  trust.invite(ada, "invited by you");
  trust.invite(cy, "invited by you");
  assertEquals([of(bo), of(ada), of(cy)], ["invited", "invited", "verified"]);
  assertEquals(trust.standing(bo.credential).invitation, "invited you");
  assertEquals(changes.map(({ kind }) => kind), ["meet", "invite", "invite", "invite"]);
  trust.lock(true);
  assert(reads(bo));
  assertEquals(trustOf([known("bo", F, "invited")]).of(bo), "invited");
  assertEquals(code(trust.verify(bo.credential)), "OK");
  assertEquals(of(bo), "verified");
  assertEquals(code(trust.forget("bo")), "OK");
  trust.lock(false);
  assertEquals([of(bo), trust.standing(bo.credential).invitation], ["new", undefined]);
});

Deno.test("an invitation proves the key of one name: the same key under another name is new", () => {
  const { trust, of } = trustOf([]);
  trust.invite(peer("bo", F), "invited by you");
  assertEquals([of(peer("bo", F)), of(peer("bob", F)), of(peer("bo", G))], [
    "invited",
    "new",
    "changed",
  ]);
});

Deno.test("an invitation does not accept a changed key: it is refused until /trust, and invited then", () => {
  const { trust, changes, of, reads } = trustOf([known("bo", F, "verified")]);
  const bo = peer("bo", G);
  assertEquals(of(bo), "changed");
  trust.invite(bo, "invited by you");
  assertEquals([of(bo), reads(bo), trust.hides(bo)], ["changed", false, true]);
  assertEquals(changes, []);
  assertEquals(code(trust.trust(bo.credential)), "OK");
  assertEquals([of(bo), reads(bo)], ["invited", true]);
  assertEquals(changes.map(({ kind }) => kind), ["trust", "invite"]);
});

Deno.test("the inviter named by the user's link is invited from its first appearance", () => {
  const { trust, changes, of, reads } = trustOf([], { strict: true });
  trust.comeBy((print) => print === G);
  const [bo, ada] = [peer("bo", F), peer("ada", G, false)] as const;
  assertEquals([of(bo), of(ada)], ["excluded", "invited"]);
  assertEquals(trust.standing(ada.credential).invitation, "invited you");
  assertEquals([reads(bo), reads(ada)], [false, true]);
  // A credential that a relay may replay is not remembered.
  assertEquals(changes, []);
  ada.confirmed = true;
  of(ada);
  assertEquals(changes.map(({ kind }) => kind), ["invite"]);
});

Deno.test("new members are sent notices in a locked room; changed and excluded ones are not", () => {
  const { trust, of, reads } = trustOf([known("bo", F)], { strict: true });
  const [changed, fresh] = [peer("bo", G), peer("cy", H)] as const;
  assertEquals([of(changed), of(fresh)], ["changed", "excluded"]);
  assertEquals([reads(fresh), trust.mayNotify(fresh)], [false, true]);
  assertEquals(trust.mayNotify(changed), false);
  trust.exclude(fresh.credential);
  assertEquals(trust.mayNotify(fresh), false);
});

Deno.test("a verification is remembered, and /forget undoes it", () => {
  const { trust, changes, of } = trustOf([]);
  const bo = peer("bo", F);
  of(bo);
  assertEquals(code(trust.verify(bo.credential)), "OK");
  assertEquals(trust.of(bo.credential), "verified");
  assertEquals(code(trust.forget("BO")), "OK");
  assertEquals(trust.of(bo.credential), "new");
  assertEquals(code(trust.forget("bo")), "NOT_KNOWN");
  assertEquals(changes.map(({ kind }) => kind), ["meet", "verify", "forget"]);
});

Deno.test("/verify fails if the key has changed since the fingerprint was shown, even if the change was announced", () => {
  const { trust, of } = trustOf([], { remember: undefined });
  of(peer("bo", F));
  trust.show(peer("bo", F).credential);
  of(peer("bo", G));
  assertEquals(code(trust.verify(peer("bo", G).credential)), "FINGERPRINT_CHANGED");
  trust.show(peer("bo", G).credential);
  assertEquals(code(trust.verify(peer("bo", G).credential)), "OK");
});

Deno.test("/trust fails if the key has changed again since the warning", () => {
  const { trust, of } = trustOf([known("bo", F)]);
  of(peer("bo", F));
  of(peer("bo", G));
  of(peer("bo", H));
  assertEquals(code(trust.trust(peer("bo", H).credential)), "FINGERPRINT_CHANGED");
  trust.show(peer("bo", H).credential);
  assertEquals(code(trust.trust(peer("bo", H).credential)), "OK");
  // It was trusted, and never compared.
  assertEquals(trust.of(peer("bo", H).credential), "known");
});

Deno.test("/trust does not count as a comparison, and /verify then needs the new fingerprint", () => {
  const { trust, of } = trustOf([known("bo", F)]);
  of(peer("bo", F));
  trust.show(peer("bo", F).credential);
  of(peer("bo", G));
  assertEquals(code(trust.trust(peer("bo", G).credential)), "OK");
  assertEquals(code(trust.verify(peer("bo", G).credential)), "FINGERPRINT_CHANGED");
});

Deno.test("a member that was not displayed can be neither trusted nor verified", () => {
  const { trust } = trustOf([]);
  assertEquals(code(trust.trust(peer("bo", F).credential)), "NOT_SHOWN");
  assertEquals(code(trust.verify(peer("bo", F).credential)), "NOT_SHOWN");
});

Deno.test("with --strict a new person receives nothing, and is not known in the next run", () => {
  const { trust, changes, of, reads } = trustOf([known("ada", F, "familiar")], { strict: true });
  const bo = peer("bo", G);
  assertEquals([of(peer("ada", F)), of(bo)], ["known", "excluded"]);
  assert(reads(peer("ada", F)) && !reads(bo) && !trust.hides(bo));
  // Coming again makes nobody known.
  assertEquals(of(bo), "excluded");
  assertEquals(changes, []);
  assertEquals(code(trust.trust(bo.credential)), "OK");
  assert(reads(bo));
  trust.lock(false);
  assert(reads(peer("cy", H)));
});

Deno.test("/lock excludes a person first met in this run, however often that person rejoins", () => {
  const { trust, of, reads } = trustOf([]);
  const bo = peer("bo", F);
  assertEquals(of(bo), "new");
  trust.lock(true);
  assertEquals(trust.standing(bo.credential).exclusion, "locked");
  assertEquals(of(bo), "excluded");
  // What another process has written does not make it known here.
  trust.replaceKnown(KnownPeers.parse(`${known("bo", F)}\n`));
  assert(!reads(bo));
  trust.replaceKnown(KnownPeers.parse(`${known("bo", F, "verified")}\n`));
  assert(reads(bo));
});

Deno.test("with --expect only those identities receive, even if others are known or verified", () => {
  const { trust, of, reads } = trustOf([known("ada", F, "verified"), known("bo", G)], {
    expected: [G],
    strict: true,
  });
  assertEquals([of(peer("bo", G)), of(peer("ada", F))], ["verified", "excluded"]);
  assertEquals(trust.standing(peer("ada", F).credential).exclusion, "unexpected");
  trust.lock(false);
  assert(!reads(peer("ada", F)));
  assertEquals(code(trust.trust(peer("ada", F).credential)), "OK");
  assert(reads(peer("ada", F)));
});

Deno.test("an expected identity under a name known with another key is refused", () => {
  const { of } = trustOf([known("bo", F)], { expected: [G] });
  assertEquals(of(peer("bo", G)), "changed");
});

Deno.test("/exclude applies to the name and the identity until /include", () => {
  const { trust, of, reads } = trustOf([known("bo", F, "verified")]);
  const bo = peer("bo", F);
  of(bo);
  trust.exclude(bo.credential);
  assertEquals(of(bo), "excluded");
  assert(!reads(bo) && !reads(peer("bob", F)) && !reads(peer("Bo", F)));
  // Trusting somebody is not what ends it.
  assertEquals(code(trust.trust(bo.credential)), "OK");
  assert(!reads(bo));
  assertEquals(code(trust.include("BO")), "OK");
  assert(reads(bo) && reads(peer("bob", F)));
  assertEquals(code(trust.include("BO")), "NOT_EXCLUDED");
});

Deno.test("a member can be verified or trusted only after its fingerprint was shown", () => {
  for (const options of [{}, { strict: true }]) {
    const { trust } = trustOf([], options);
    const bo = peer("bo", F);
    trust.meet(bo, false);
    assertEquals(code(trust.verify(bo.credential)), "NOT_SHOWN");
    assertEquals(code(trust.trust(bo.credential)), "NOT_SHOWN");
    trust.show(bo.credential);
    assertEquals(code(trust.verify(bo.credential)), "OK");
    assertEquals(code(trust.trust(bo.credential)), "OK");
  }
});

Deno.test("an unconfirmed member gets keys, and is not remembered until it is confirmed", () => {
  const { of, reads, changes } = trustOf([]);
  const bo = peer("bo", F, false);
  assertEquals(of(bo), "new");
  assert(reads(bo));
  assertEquals(changes, []);
  bo.confirmed = true;
  assertEquals(of(bo), "new");
  assert(reads(bo));
  assertEquals(changes.length, 1);
});

Deno.test("a relay that invents members without end fills neither memory nor the file", () => {
  const told: Crowding[] = [];
  const { changes, of, trust } = trustOf([], { crowded: (why) => told.push(why) });
  for (let i = 0; i < MAX_SAVED; i++) of(peer(`bot-${i}`, F));
  assertEquals([changes.length, told], [MAX_SAVED, []]);
  for (let i = MAX_SAVED; i < 10_500; i++) of(peer(`bot-${i}`, F));
  // It is told once.
  assertEquals([changes.length, told], [MAX_SAVED, ["run"]]);
  for (let i = 0; i < 10_500; i++) trust.hear(peer(`bot-${i}`, F));
  assertEquals(changes.length, MAX_SAVED + MAX_FAMILIAR);
});

Deno.test("a person who says something or is met in another run is familiar, and nobody else is", () => {
  const recognized = { kind: "recognize", name: "bo", fingerprint: F, at: 0 } as const;
  const first = trustOf([]);
  const bo = peer("bo", F);
  first.of(bo);
  first.trust.hear(bo);
  first.trust.hear(bo);
  assertEquals(first.changes.slice(1), [recognized]);
  assertEquals(first.of(bo), "new");
  const later = trustOf([known("bo", F)]);
  assertEquals([later.of(bo), later.of(bo), later.changes], ["known", "known", [recognized]]);
  const decided = [
    known("bo", F, "familiar"),
    known("cy", F, "trusted"),
    known("di", F, "verified"),
  ];
  const again = trustOf(decided);
  for (const name of ["bo", "cy", "di"]) {
    again.of(peer(name, F));
    again.trust.hear(peer(name, F));
  }
  // A changed key, one that may be a replay, and one that was not met.
  again.trust.hear(peer("bo", G));
  again.trust.hear(peer("ed", G, false));
  again.trust.hear(peer("ed", G));
  assertEquals(again.changes, []);
  assertEquals(again.of(peer("bo", G)), "changed");
});

Deno.test("a person is told once that those whom it met give way", () => {
  const lines = Array.from({ length: MAX_UNDECIDED }, (_, i) => known(`bot${i}`, F));
  const told: Crowding[] = [];
  const { of, trust } = trustOf(lines, { crowded: (why) => told.push(why) });
  for (let i = 0; i < 1_500; i++) of(peer(`guest${i}`, G));
  assertEquals(told, ["file"]);
  assertEquals(trust.of(peer("bot0", F).credential), "new");
});

Deno.test("of one identity with thousands of names, a hundred are told at each joining", () => {
  const { of, trust } = trustOf([known("ada", F, "verified")]);
  let handedOut = 0;
  for (let i = 0; i < 3_000; i++) {
    of(peer(`bot${i}`, F));
    handedOut += trust.standing(peer(`bot${i}`, F).credential).aliases.length;
  }
  assert(handedOut <= 3_000 * MAX_ALIASES, `${handedOut} names`);
  const { aliases } = trust.standing(peer("bot2999", F).credential);
  assertEquals(aliases.slice(0, 2), [
    { name: "ada", verified: true },
    { name: "bot0", verified: false },
  ]);
  assertEquals(
    standingText(peer("bot2999", F), trust.standing(peer("bot2999", F).credential), G),
    "new; has the same key as ada (verified), bot0 and 98 others or more",
  );
});

Deno.test("an ignored person is hidden by name and by identity until /unignore", () => {
  const { trust, of, reads } = trustOf([]);
  const bo = peer("bo", F);
  of(bo);
  trust.ignore(bo.credential);
  assertEquals([trust.hides(bo), reads(bo), trust.of(bo.credential)], [true, true, "new"]);
  const renamed = peer("bob", F);
  of(renamed);
  assertEquals([trust.hides(renamed), trust.hides(peer("bo", G))], [true, true]);
  assertEquals(trust.hides(peer("cy", H)), false);
  assertEquals(code(trust.unignore("cy")), "NOT_IGNORED");
  assertEquals([code(trust.unignore("bob")), trust.hides(bo)], ["OK", false]);
});
