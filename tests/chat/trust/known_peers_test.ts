// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MalformedError } from "../../../lib/base/bytes.ts";
import { foldName, normalizeName } from "../../../lib/chat/identity/name.ts";
import {
  HEADER,
  KnownPeers,
  KnownPeersError,
  MAX_ALIKE,
  MAX_UNDECIDED,
} from "../../../lib/chat/trust/known_peers.ts";

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
    `bo ${NEW} ${DATE} trusted # laptop\nada ${ADA} 2026-11-02 verified\n`,
  );
  // A key that is known already stays as it is.
  peers.apply({ kind: "trust", name: "ada", fingerprint: ADA, at: AT });
  assertEquals(peers.ofName("ada")[0]?.status, "verified");
  peers.apply({ kind: "forget", name: "BO" });
  assertEquals(peers.text, `ada ${ADA} 2026-11-02 verified\n`);
  assertEquals([...peers.ofFingerprint(NEW)], []);
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
  assertEquals(peers.ofName("bo").map(({ status }) => status), ["trusted"]);
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

/** Counts how often a name is normalized. */
function normalizations(work: () => void): number {
  const { normalize } = String.prototype;
  let calls = 0;
  String.prototype.normalize = function (form) {
    calls += 1;
    return normalize.call(this, form);
  };
  try {
    work();
  } finally {
    String.prototype.normalize = normalize;
  }
  return calls;
}

Deno.test("to find names that look alike, a peer who is met or recognized is not compared with all others", () => {
  const work = (peers: number) =>
    normalizations(() => {
      const known = KnownPeers.parse("");
      for (let i = 0; i < peers; i++) {
        known.apply(meet(`guest${i}`, BO));
        known.apply({ kind: "recognize", name: `guest${i}`, fingerprint: BO, at: AT });
        assertEquals(known.alike(`guest${i}`).at(0)?.name, `guest${i}`);
      }
    });
  assertEquals(work(300), 30 * work(10));
});

Deno.test("of thousands of names that look alike, a hundred are told, and others of the same identity hide none", () => {
  const known = KnownPeers.parse("");
  // A small L, a capital i, and the digit 1 look the same.
  const names = Array.from(
    { length: 4096 },
    (_, i) => "x" + [...i.toString(2).padStart(12, "0")].map((bit) => "l1"[Number(bit)]).join(""),
  );
  for (const name of names.slice(0, 4000)) known.apply(meet(name, BO));
  known.apply(meet(names[4000]!, ADA));
  assertEquals(known.alike(names[4001]!).length, MAX_ALIKE);
  const but = { folded: names[4001]!, fingerprint: BO };
  assertEquals(known.alike(names[4001]!, but).map(({ name }) => name), [names[4000]]);
});

/** The lines of some peers, the first of whom was met first. */
function linesOf(count: number, name: string, status: string): string {
  const day = (i: number) => new Date(Date.UTC(2020, 0, 1) + 60_000 * i).toISOString().slice(0, 19);
  return Array.from({ length: count }, (_, i) => `${name}${i} ${BO} ${day(i)}Z ${status}\n`).join(
    "",
  );
}

Deno.test("of too many peers, the oldest give way about whom nothing was decided, and familiar ones last", () => {
  const decided = `ada ${ADA} 2019-01-01 verified\nbo ${BO} 2019-01-01 invited\n` +
    `cy ${BO} 2019-01-01 trusted\ndi ${BO} 2019-01-01 unverified # from work\n`;
  const familiar = linesOf(1_500, "friend", "familiar");
  const known = KnownPeers.parse(
    decided + familiar + linesOf(MAX_UNDECIDED - 1_500, "bot", "unverified"),
  );
  assertEquals(known.apply(meet("eve0", BO)), 1_000);
  const isThere = (name: string) => known.ofName(name).length > 0;
  assertEquals(["bot0", "bot999", "bot1000", "eve0"].map(isThere), [false, false, true, true]);
  assert(known.text.startsWith(decided + familiar));
  let gaveWay = 0;
  for (let i = 1; i <= 2 * MAX_UNDECIDED; i++) gaveWay += known.apply(meet(`eve${i}`, BO));
  assertEquals(gaveWay, 2 * MAX_UNDECIDED);
  assert(known.text.startsWith(decided + familiar));
  assertEquals(known.text.split("\n").length, 4 + MAX_UNDECIDED - 1_000 + 1 + 1);
});

Deno.test("if all are familiar, a new one is kept for a while all the same", () => {
  const known = KnownPeers.parse(linesOf(MAX_UNDECIDED, "friend", "familiar"));
  assertEquals(known.apply(meet("bo", BO)), 1_000);
  const names = ["bo", "friend999", "friend1000"];
  assertEquals(names.map((name) => known.ofName(name).length), [1, 0, 1]);
});

Deno.test("peers that may give way need a quarter of the largest file", () => {
  const longest = `${"\u{20000}".repeat(32)} ${BO} ${DATE} unverified\r\n`;
  assert(MAX_UNDECIDED * new TextEncoder().encode(longest).length < 16 * 2 ** 20 / 3.8);
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
    assertEquals([...again.ofFingerprint(BO)], [...peers.ofFingerprint(BO)]);
    assertEquals(
      new Set([...again.ofFingerprint(BO)].map(({ folded }) => folded)),
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
