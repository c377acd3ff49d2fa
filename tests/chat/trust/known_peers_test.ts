// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MalformedError } from "../../../lib/base/bytes.ts";
import { foldName, normalizeName } from "../../../lib/chat/identity/name.ts";
import { HEADER, KnownPeers, KnownPeersError } from "../../../lib/chat/trust/known_peers.ts";

const BO = `SHA256:${"b".repeat(42)}A`;
const ADA = `SHA256:${"a".repeat(42)}A`;
const NEW = `SHA256:${"n".repeat(42)}A`;
const AT = Date.UTC(2026, 10, 24, 4, 27, 29);
const DATE = "2026-11-24T04:27:29Z";

function meet(name: string, fingerprint: string) {
  return { kind: "meet", name, fingerprint, at: AT } as const;
}

Deno.test("known peers are written as one readable line each after a header", () => {
  const peers = KnownPeers.parse(HEADER);
  peers.apply(meet("bo", BO));
  peers.apply({ kind: "verify", name: "Ada", fingerprint: ADA, at: AT });
  assertEquals(
    peers.text,
    `${HEADER}bo ${BO} ${DATE} unverified\nAda ${ADA} ${DATE} verified\n`,
  );
  assertEquals(KnownPeers.parse(peers.text).ofName("ada"), [
    { name: "Ada", folded: "ada", fingerprint: ADA, firstSeen: DATE, status: "verified" },
  ]);
});

Deno.test("text written by hand is kept: comments, spaces, order, dates, line ends", () => {
  const text =
    `\ufeff# my friends\r\n\r\n  bo\t${BO}   2026-11-01 unverified   # met in Delft\r\n` +
    `ada ${ADA} 2026-11-02 verified\r\n# the end`;
  const peers = KnownPeers.parse(text);
  assertEquals(peers.ofName("bo")[0]?.firstSeen, "2026-11-01");
  assertEquals(peers.text, `${text}\n`);
  peers.apply({ kind: "verify", name: "bo", fingerprint: BO, at: AT });
  assertEquals(
    peers.text,
    `\ufeff# my friends\r\n\r\nbo ${BO} 2026-11-01 verified   # met in Delft\r\n` +
      `ada ${ADA} 2026-11-02 verified\r\n# the end\n`,
  );
});

Deno.test("meeting a known name under another key adds no line", () => {
  const peers = KnownPeers.parse(`bo ${BO} 2026-11-01 verified\n`);
  peers.apply(meet("BO", NEW));
  peers.apply(meet("bo", BO));
  assertEquals(peers.text, `bo ${BO} 2026-11-01 verified\n`);
});

Deno.test("trusting a new key replaces the line of the old one, and forgetting removes it", () => {
  const peers = KnownPeers.parse(
    `bo ${BO} 2026-11-01 verified # laptop\nada ${ADA} 2026-11-02 verified\nBo ${ADA} 2026-11-03 verified\n`,
  );
  assertEquals(peers.ofName("bo").length, 2);
  peers.apply({ kind: "trust", name: "bo", fingerprint: NEW, at: AT });
  assertEquals(
    peers.text,
    `bo ${NEW} ${DATE} unverified # laptop\nada ${ADA} 2026-11-02 verified\n`,
  );
  // A key that is known already stays as it is.
  peers.apply({ kind: "trust", name: "ada", fingerprint: ADA, at: AT });
  assertEquals(peers.ofName("ada")[0]?.status, "verified");
  peers.apply({ kind: "forget", name: "BO" });
  assertEquals(peers.text, `ada ${ADA} 2026-11-02 verified\n`);
  assertEquals(peers.ofFingerprint(NEW), []);
});

Deno.test("an invitation raises a status, lowers none, and replaces no key", () => {
  const invite = (name: string, fingerprint: string) =>
    ({ kind: "invite", name, fingerprint, at: AT }) as const;
  const peers = KnownPeers.parse(
    `bo ${BO} 2026-11-01 unverified # laptop\nada ${ADA} 2026-11-02 verified\n`,
  );
  for (const change of [invite("bo", BO), invite("ada", ADA), invite("cy", NEW)]) {
    peers.apply(change);
  }
  const invited =
    `bo ${BO} 2026-11-01 invited # laptop\nada ${ADA} 2026-11-02 verified\ncy ${NEW} ${DATE} invited\n`;
  assertEquals(peers.text, invited);
  assertEquals(KnownPeers.parse(invited).ofName("bo")[0]?.status, "invited");
  // Neither meeting nor trusting a key that is known makes it less sure, and an invitation changes no key.
  peers.apply(meet("bo", BO));
  peers.apply({ kind: "trust", name: "bo", fingerprint: BO, at: AT });
  peers.apply(invite("bo", NEW));
  assertEquals(peers.text, invited);
  peers.apply({ kind: "verify", name: "bo", fingerprint: BO, at: AT });
  assertEquals(peers.ofName("bo").map(({ status }) => status), ["verified"]);
  peers.apply({ kind: "trust", name: "bo", fingerprint: NEW, at: AT });
  assertEquals(peers.ofName("bo").map(({ status }) => status), ["unverified"]);
});

Deno.test("names that look alike are found in any script and letter case", () => {
  const peers = KnownPeers.parse(`coco ${BO} ${DATE} verified\nIan ${ADA} ${DATE} unverified\n`);
  const alike = (name: string) => peers.alike(name).map((peer) => peer.name);
  assertEquals(["сосо", "COCO", "c0c0", "lan", "ian"].map(alike), [
    ["coco"],
    ["coco"],
    ["coco"],
    ["Ian"],
    ["Ian"],
  ]);
  assertEquals([alike("cocos"), alike("lan2")], [[], []]);
  peers.apply(meet("сосо", NEW));
  assertEquals(alike("coco"), ["coco", "сосо"]);
  peers.apply({ kind: "forget", name: "coco" });
  assertEquals(alike("coco"), ["сосо"]);
});

const MALFORMED: Readonly<Record<string, string>> = {
  "a word alone": "bo",
  "no fingerprint": "bo SHA256:abc 2026-11-24 verified",
  "base64 with bits to spare": `bo SHA256:${"b".repeat(43)} 2026-11-24 verified`,
  "no date": `bo ${BO} yesterday verified`,
  "a day that there is not": `bo ${BO} 2026-02-31 verified`,
  "no status": `bo ${BO} 2026-11-24`,
  "another status": `bo ${BO} 2026-11-24 VERIFIED`,
  "something behind it": `bo ${BO} 2026-11-24 verified ada`,
  "a name that starts like a comment": `\\#bo ${BO} 2026-11-24 verified`,
  "a name with an override": `b\u202eo ${BO} 2026-11-24 verified`,
};

for (const [what, line] of Object.entries(MALFORMED)) {
  Deno.test(`a line with ${what} is refused with its number`, () => {
    const error = assertThrows(() => KnownPeers.parse(`# comment\n\n${line}\n`), KnownPeersError);
    assertEquals(error.line, 3);
  });
}

function isName(text: string): boolean {
  try {
    return normalizeName(text) === text;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

Deno.test("every peer that is written is read again unchanged", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 })
    .map((text) => `a${text}`.normalize("NFKC"))
    .filter(isName);
  fc.assert(fc.property(fc.array(name, { maxLength: 8 }), (names) => {
    const peers = KnownPeers.parse("# first\n");
    for (const one of names) peers.apply(meet(one, BO));
    const again = KnownPeers.parse(peers.text);
    assertEquals(again.text, peers.text);
    assertEquals(again.ofFingerprint(BO), peers.ofFingerprint(BO));
    assertEquals(
      new Set(again.ofFingerprint(BO).map(({ folded }) => folded)),
      new Set(names.map(foldName)),
    );
  }));
});

Deno.test("any text is either read or refused with a line number", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
    try {
      KnownPeers.parse(text);
    } catch (error) {
      if (!(error instanceof KnownPeersError)) throw error;
    }
  }));
});
