// needs: net (about 10 s)

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { Report } from "../../../lib/chat/app/json_report.ts";
import { ServerTranscript } from "../../../lib/chat/app/observe.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import { checkCredential } from "../../../lib/chat/identity/credential.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust, type TrustOptions } from "../../../lib/chat/trust/trust.ts";
import type { MemberEvent, Peer } from "../../../lib/tcp_chat.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { credentialOf } from "../room.ts";

const now = () => 1_700_000_000_000;

async function peer(name: string, confirmed = true): Promise<Peer> {
  return { number: 1, credential: await credentialOf(name, 0, now), confirmed, away: false };
}

function message(from: Peer, text: string, isPrivate = false): MemberEvent {
  return { kind: "message", from, id: "x.1", text, time: now(), private: isPrivate };
}

const strangers = () => new Trust({ known: KnownPeers.parse("") });
const plain = (who = strangers()) =>
  new ServerTranscript({
    style: makeStyle(false),
    echo: true,
    folds: true,
    who,
    lasting: true,
    now,
  });

Deno.test("a transcript escapes control characters and marks each further line of a message", async () => {
  const bo = await peer("bo");
  assertEquals(plain().event(message(bo, "a\x1b[2J\u202eb\tc")), ["bo: a␛[2J\\u{202e}b    c"]);
  assertEquals(plain().event(message(bo, "one\nada: two\r\n")), [
    "bo: one",
    "  | ada: two␍",
  ]);
  assertEquals(plain().event(message(bo, "one\n\ntwo\n\n")), ["bo: one", "  | ", "  | two"]);
  assertEquals(plain().said("pasted\n", undefined), ["you: pasted"]);
  assertEquals(plain().event(message(bo, "\n\n")), ["bo: "]);
  assertEquals(plain().event(message(bo, "psst", true)), ["bo (to you only): psst"]);
});

Deno.test("a transcript at a terminal shows 20 lines of a message and counts the others", async () => {
  const bo = await peer("bo");
  const lines = plain().event(message(bo, `one${"\n".repeat(65_534)}x`));
  assertEquals(lines.length, 21);
  assertEquals([lines[0], lines[19], lines[20]], [
    "bo: one",
    "  | ",
    "  (65515 lines more: /more)",
  ]);
  const text = Array.from({ length: 21 }, (_, i) => `${i}`).join("\n");
  assertEquals(plain().said(text, undefined).slice(19), ["  | 19", "  (1 line more: /more)"]);
  assertEquals(plain().event(message(bo, text.slice(0, -3))).length, 20);
  const who = strangers();
  const piped = new Transcript({ style: makeStyle(false), echo: false, folds: false, who, now });
  assertEquals(piped.event(message(bo, text)).length, 21);
});

Deno.test("a transcript at a terminal shows 2,000 characters of a message at once, and /more the others", async () => {
  const bo = await peer("bo");
  const shown = plain();
  assertEquals(shown.more(), ["* nothing more: no message was shortened"]);
  const [first, left, ...none] = shown.event(
    message(bo, "a".repeat(1_999) + "😀" + "b".repeat(2_001)),
  );
  assertEquals([first, left, none], [
    `bo: ${"a".repeat(1_999)}`,
    "  (2003 characters more: /more)",
    [],
  ]);
  assertEquals(shown.event(message(bo, "hi")), ["bo: hi"]);
  assertEquals(shown.more(), [`  | 😀${"b".repeat(1_998)}`, "  (3 characters more: /more)"]);
  assertEquals(shown.more(), ["  | bbb"]);
  assertEquals(shown.more(), ["* nothing more: no message was shortened"]);
  // What a character becomes that could not be printed counts, and not the character.
  const [hidden] = shown.event(message(bo, "\u202e".repeat(2_000)));
  assertEquals(hidden?.length, "bo: ".length + 2_000);
});

Deno.test("the lines of a transcript on joining fit three rows of 80 columns", async () => {
  const [self, bo] = [await credentialOf("ada", 1, now), await peer("bo")];
  const room = new Uint8Array(32);
  const join = { commands: ["parley chat client 192.0.2.7"], from: "elsewhere" } as const;
  const addr = { transport: "tcp", hostname: "0.0.0.0", port: 4396 } as const;
  const many = await Promise.all(
    Array.from({ length: 20 }, (_, i) => peer(`m${i}`)),
  );
  const start = (
    peers: readonly Peer[],
    hosts: boolean,
    lasting: boolean,
    more: { logFile?: string; who?: Trust } = {},
  ) => {
    const options = { style: makeStyle(false), echo: true, lasting, ...more };
    const transcript = new ServerTranscript({ who: strangers(), ...options });
    const metrics = hosts ? "http://127.0.0.1:9464/metrics" : undefined;
    return [
      ...hosts ? transcript.listening({ addr, room, roomName: "", tls: true, join, metrics }) : [],
      ...transcript.event({ kind: "admitted", self, room }),
      ...peers.flatMap((one) => transcript.event({ kind: "joined", peer: one, present: true })),
      ...transcript.event({ kind: "ready" }),
    ];
  };
  for (const peers of [[], [bo], many]) {
    for (const hosts of [false, true]) {
      for (const lasting of [false, true]) {
        const lines = start(peers, hosts && peers.length === 0, lasting);
        assert(lines.length <= 3, lines.join("\n"));
        for (const line of lines.slice(hosts ? 1 : 0)) assert(line.length <= 80, line);
        const kept = start(peers, hosts && peers.length === 0, lasting, { logFile: "a.log" });
        assert(kept.length <= 3, kept.join("\n"));
        assert(kept.some((line) => line.includes("kept in a.log")), kept.join("\n"));
      }
    }
  }
  assertEquals(start([], true, false), [
    "* listening on 0.0.0.0:4396 over TLS, room 0000000000000000, metrics at http://127.0.0.1:9464/metrics",
    "* others join with: parley chat client 192.0.2.7",
    "* you are ada; no one else is here yet (/help lists the commands)",
  ]);
  assertEquals(
    start(many, false, false)[0],
    "* you are ada, with m0 (new), m1 (new) and 18 others",
  );
  assertEquals(start([bo], false, false, { logFile: "\x1b.log" }), [
    "* you are ada, with bo (new); kept in ␛.log, which whoever has it can read",
    "* no one is verified yet: run /verify NAME and compare words by phone",
    "* /help lists the commands",
  ]);
});

Deno.test("the three lines on joining name every member with a changed key, also among many members", async () => {
  const self = await credentialOf("ada", 1, now);
  const names = ["m1", "m2", "m3", "m4", "bo", "cy", "di"];
  const peers = await Promise.all(names.map((name) => peer(name)));
  const of = (name: string) => peers[names.indexOf(name)]!.credential.fingerprint;
  const old = `SHA256:${"x".repeat(42)}A`;
  const start = (known: string, options: Partial<TrustOptions> = {}) => {
    const who = new Trust({ known: KnownPeers.parse(known), ...options });
    const transcript = plain(who);
    return [
      ...transcript.event({ kind: "admitted", self, room: new Uint8Array(32) }),
      ...peers.flatMap((one) => transcript.event({ kind: "joined", peer: one, present: true })),
      ...transcript.event({ kind: "ready" }),
    ];
  };
  assertEquals(start(`bo ${old} 2026-11-01 verified\n`), [
    `* you are ada, with bo ${of("bo")} (ITS KEY HAS CHANGED), and m1 (new), m2 (new) and 4 others`,
    "! THE KEY OF bo HAS CHANGED: nothing is sent to this bo, whose messages are hidden",
    "! ask bo by phone (/fingerprint bo); if the new key is right: /trust bo",
  ]);
  const both = start(`bo ${old} 2026-11-01 verified\ncy ${old} 2026-11-01 verified\n`);
  assertEquals(both.slice(1), [
    "! THE KEYS OF bo and cy HAVE CHANGED: nothing is sent to them, and their messages are hidden",
    "! ask each of them by phone (/fingerprint NAME); if the new key is right: /trust NAME",
  ]);
  const [alike] = start(`b0 ${old} 2026-11-01 verified\n`);
  assertEquals(alike?.includes(`bo ${of("bo")} (new; NOT b0, `), true, alike);
  const strict = start("", { strict: true });
  assertEquals(strict, [
    "* you are ada, with m1, m2 and 5 others",
    "* m1, m2 and 5 others do not receive your messages",
    "* /help lists the commands",
  ]);
});

Deno.test("on joining, members of one key are one entry, unless their keys have changed", async () => {
  const self = await credentialOf("ada", 1, now);
  const names = ["m1", "m2", "m3", "m4", "m5"];
  const credentials = await Promise.all(names.map(async (name) => {
    return await checkCredential((await credentialOf(name, 2, now)).bytes, now());
  }));
  const start = (known = "") => {
    const who = new Trust({ known: KnownPeers.parse(known) });
    const transcript = plain(who);
    const peers = credentials.map((credential, i) => {
      return { number: 2 + i, credential, confirmed: true, away: false };
    });
    for (const one of peers) who.meet(one, false);
    return [
      ...transcript.event({ kind: "admitted", self, room: new Uint8Array(32) }),
      ...peers.flatMap((one) => transcript.event({ kind: "joined", peer: one, present: true })),
      ...transcript.event({ kind: "ready" }),
    ][0];
  };
  const { fingerprint } = credentials[0]!;
  assertEquals(start(), `* you are ada, with m1, m2 and 3 others ${fingerprint} (one key; new)`);
  // Another name of that key is still told.
  assertEquals(
    start(`zoe ${fingerprint} 2026-11-01 verified\n`),
    `* you are ada, with m1, m2 and 3 others ${fingerprint} ` +
      "(one key; new; has the same key as zoe (verified))",
  );
  const old = `SHA256:${"x".repeat(42)}A`;
  const changed = start(`m4 ${old} 2026-11-01 verified\nm5 ${old} 2026-11-01 verified\n`);
  for (const name of ["m4", "m5"]) {
    assert(changed!.includes(`${name} ${fingerprint} (ITS KEY HAS CHANGED`), changed);
  }
});

Deno.test("/fingerprint of a member whose key has changed shows the old fingerprint too", async () => {
  const bo = (await peer("bo")).credential;
  const old = `SHA256:${"x".repeat(42)}A`;
  const who = new Trust({ known: KnownPeers.parse(`bo ${old} 2026-11-01 verified\n`) });
  const safetyNumber = Array.from({ length: 12 }, () => "12345");
  const lines = plain(who).fingerprint({
    ...bo,
    other: { standing: who.standing(bo), safetyNumber },
  });
  assertEquals(lines.slice(0, 2), [
    `* the fingerprint of bo is ${bo.fingerprint}`,
    `* it was ${old} (known since 2026-11-01, verified)`,
  ]);
  assertEquals(lines.at(-1), "* if they match: /trust bo, then /verify bo yes");
});

Deno.test("/fingerprint of an invited member says what to do if the numbers match, and if they do not", async () => {
  const bo = (await peer("bo")).credential;
  const standing = {
    ...new Trust({ known: KnownPeers.parse("") }).standing(bo),
    trust: "invited",
  } as const;
  const safetyNumber = Array.from({ length: 12 }, () => "12345");
  const lines = plain().fingerprint({ ...bo, other: { standing, safetyNumber } });
  assertEquals(lines.slice(-2), [
    "* bo is invited: sure unless somebody else had the link",
    "* if they match: /verify bo yes   if not: /verify bo no",
  ]);
});

Deno.test("each row of /help fits 80 columns", () => {
  for (const row of plain().help()) assert(row.length <= 80, row);
});

Deno.test("a transcript contains no control characters, whatever members and relays send", async () => {
  const nasty = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join("");
  const bo = await peer("bo");
  const transcript = plain();
  const lines = [
    ...transcript.event(message(bo, nasty)),
    ...transcript.said(nasty, nasty),
    ...transcript.notice(nasty),
    ...transcript.error("CODE", nasty),
    ...transcript.relayEvent({ kind: "refused", reason: "BAD_PROOF", detail: nasty }),
    ...transcript.event({
      kind: "fault",
      code: "BAD_CREDENTIAL",
      peer: undefined,
      detail: nasty,
      count: 1,
    }),
  ];
  for (const line of lines) {
    // deno-lint-ignore no-control-regex -- controls are what it looks for
    assert(!/[\x00-\x1f\x7f-\x9f]/.test(line), JSON.stringify(line));
  }
});

Deno.test("a transcript explains a refused connection in words, and a JSON report names the frame", () => {
  const byFrame = {
    kind: "refused",
    reason: "BAD_FRAME",
    detail: "no frame of kind 47 here",
    from: undefined,
  } as const;
  assertEquals(plain().relayEvent(byFrame), ["* a connection was refused: a frame was malformed"]);
  assertEquals(JSON.parse(new Report().relayEvent(byFrame)[0]!).detail, byFrame.detail);
  const byName = {
    ...byFrame,
    reason: "BAD_PROOF",
    detail: "it dialled a.example, port 1",
  } as const;
  assertEquals(plain().relayEvent(byName), [
    "* a connection was refused: the proof of joining is not valid (it dialled a.example, port 1)",
  ]);
});

Deno.test("on joining, a transcript shows the user's name, the members, and that no one is verified", async () => {
  const transcript = plain();
  const self = await credentialOf("ada", 1, now);
  const [bo, zoe] = [await peer("bo"), await peer("zoe", false)];
  const room = new Uint8Array(32);
  const lines = [
    { kind: "admitted", self, room } as const,
    { kind: "joined", peer: bo, present: true } as const,
    { kind: "joined", peer: zoe, present: true } as const,
    { kind: "ready" } as const,
  ].flatMap((event) => transcript.event(event));
  assertEquals(lines, [
    "* you are ada, with bo (new) and zoe (new)",
    "* no one is verified yet: run /verify NAME and compare words by phone",
    "* /help lists the commands",
  ]);
});

Deno.test("a transcript says once that a message has no recipient, and again after somebody joined", async () => {
  const transcript = plain();
  const line = lineOf("x");
  assertEquals(transcript.event({ kind: "unheard", line }).length, 1);
  assertEquals(transcript.event({ kind: "unheard", line }).length, 0);
  transcript.event({ kind: "joined", peer: await peer("bo"), present: false });
  assertEquals(transcript.event({ kind: "unheard", line }).length, 1);
});

Deno.test("a fault names its member, its count and what happened to the frame", async () => {
  const bo = await peer("bo");
  const fault = { kind: "fault", code: "BAD_SIGNATURE", peer: bo, detail: "", count: 4 } as const;
  assertEquals(plain().event(fault), [
    "! bo: a frame was not signed by its sender, or was changed on the way; it is not shown, 4 times so far (BAD_SIGNATURE)",
  ]);
  const [json] = new Report().event(fault);
  const { event, code, from, count } = JSON.parse(json!);
  assertEquals([event, code, from, count], ["error", "BAD_SIGNATURE", "bo", 4]);
});

Deno.test("a report is one JSON object a line for any text", async () => {
  const text = 'a\n"b"\u2028\ud800';
  const [line, ...rest] = new Report().event(message(await peer("bo"), text));
  assertEquals(rest, []);
  assert(!line!.includes("\n"));
  assertEquals(JSON.parse(line!).text, text);
});

Deno.test("a name that looks like a known one is marked, as text and in JSON", async () => {
  const bo = await peer("b0");
  const other = `SHA256:${"x".repeat(42)}A`;
  const who = new Trust({ known: KnownPeers.parse(`bo ${other} 2026-11-01 verified\n`) });
  const event = { kind: "joined", peer: bo, present: false } as const;
  const alike = "NOT bo, whose name looks the same but whose key differs";
  assertEquals(plain(who).event(event), [
    `* b0 ${bo.credential.fingerprint} joined (new; ${alike})`,
  ]);
  const [line] = new Report(who).event(event);
  assertEquals([JSON.parse(line!).trust, JSON.parse(line!).alike], ["new", ["bo"]]);
  const [unlike] = new Report(who).event({ ...event, peer: await peer("cy") });
  assertEquals("alike" in JSON.parse(unlike!), false);
});

Deno.test("a transcript shows the trust in a member: new, known, verified, renamed, excluded", async () => {
  const bo = await peer("bo");
  const { fingerprint } = bo.credential;
  const joined = (lines: string, options: Partial<TrustOptions> = {}) => {
    const trust = new Trust({ known: KnownPeers.parse(lines), remember: () => {}, ...options });
    trust.meet(bo);
    const [line] = plain(trust).event({ kind: "joined", peer: bo, present: false });
    return line!.replace(/^\* bo (SHA256:\S+ )?joined /, "");
  };
  const other = `SHA256:${"x".repeat(42)}A`;
  assertEquals(joined(""), "(new)");
  assertEquals(
    joined(`BO ${fingerprint} 2026-11-01T00:00:00Z unverified\n`),
    "(known since 2026-11-01)",
  );
  assertEquals(joined(`bo ${fingerprint} 2026-11-01 verified\n`), "(verified)");
  assertEquals(joined(`bo ${other} 2026-11-01 verified\n`), "(ITS KEY HAS CHANGED)");
  assertEquals(
    joined(`bob ${fingerprint} 2026-11-01 verified\ncy ${fingerprint} 2026-11-01 unverified\n`),
    "(new; has the same key as bob (verified) and cy)",
  );
  assertEquals(
    joined(`b0 ${other} 2026-11-01 verified\nBO ${fingerprint} 2026-11-01 verified\n`),
    "(verified; NOT b0, whose name looks the same but whose key differs)",
  );
  assertEquals(
    joined(`b0 ${fingerprint} 2026-11-01 verified\n`),
    "(new; has the same key as b0 (verified))",
  );
  assertEquals(joined("", { strict: true }), "(excluded: new, and the room is locked)");
  assertEquals(joined("", { expected: [other] }), "(excluded: not in your --expect list)");
});

Deno.test("a transcript shows the fingerprint of a member that it marks, and of no other", async () => {
  const [bo, cy] = [await peer("bo"), await peer("cy")];
  const other = `SHA256:${"x".repeat(42)}A`;
  const who = new Trust({ known: KnownPeers.parse(`bo ${other} 2026-11-01 verified\n`) });
  const told = [bo, cy].map((one) => {
    const lines = plain(who).event({ kind: "joined", peer: one, present: false });
    return lines.join("\n").includes(one.credential.fingerprint);
  });
  assertEquals(told, [true, false]);
  assertEquals([bo, cy].map((one) => plain(who).identifies(one)), told);
  assertEquals(new Report(who).identifies(), true);
});

Deno.test("a transcript warns of a changed key with both fingerprints and what to do", async () => {
  const bo = await peer("bo");
  const { fingerprint } = bo.credential;
  const old = `SHA256:${"x".repeat(42)}A`;
  const trust = new Trust({ known: KnownPeers.parse(`bo ${old} 2026-11-01 verified\n`) });
  trust.meet(bo);
  const transcript = plain(trust);
  const [, ...warning] = transcript.event({ kind: "joined", peer: bo, present: false });
  assertEquals(warning, [
    "! THE KEY OF bo HAS CHANGED: someone else uses the name, or bo has a new key.",
    `!   it was ${old} (known since 2026-11-01, verified)`,
    `!   it is  ${fingerprint}`,
    "! Nothing is sent to this bo, and its messages are hidden.",
    "! Ask bo by phone or in person. If the new key is right: /trust bo",
  ]);
  assertEquals(transcript.said("hello", undefined), ["you (not to bo): hello"]);
});

Deno.test("a transcript names up to two members that receive nothing, and counts the others", async () => {
  const trust = new Trust({ known: KnownPeers.parse(""), strict: true });
  const transcript = plain(trust);
  const peers = await Promise.all(["bo", "cy", "di", "ed"].map((name) => peer(name)));
  for (const one of peers.slice(0, 2)) {
    transcript.event({ kind: "joined", peer: one, present: false });
  }
  assertEquals(transcript.said("x", undefined), ["you (not to bo and cy): x"]);
  for (const one of peers.slice(2)) transcript.event({ kind: "joined", peer: one, present: false });
  assertEquals(transcript.said("x", undefined), ["you (not to bo, cy and 2 others): x"]);
  assertEquals(transcript.said("x", "bo"), ["you (to bo only): x"]);
  assertEquals(transcript.locked(true, peers.slice(0, 1)), [
    "* locked: only known, invited and verified members receive your messages; bo does not",
  ]);
  assertEquals(transcript.locked(false, peers.slice(0, 1)), [
    "* unlocked: everyone but bo receives your messages",
  ]);
  assertEquals(transcript.event(message(peers[0]!, "hi")), ["bo (receives nothing from you): hi"]);
});

Deno.test("lost and restored connections are reported as text and as events", async () => {
  const bo = await peer("bo");
  const room = new Uint8Array(32);
  const events: MemberEvent[] = [
    { kind: "disconnected", reason: "RELAY_GONE", detail: "" },
    { kind: "disconnected", reason: "SHUTDOWN", detail: "" },
    { kind: "reconnected", room },
    { kind: "away", peer: bo },
    { kind: "back", peer: bo },
  ];
  const transcript = plain();
  assertEquals(events.flatMap((event) => transcript.event(event)), [
    "* connection lost, trying again …",
    "* connection lost, trying again … (the relay is shutting down)",
    "* reconnected",
    "* bo is away: its connection was lost",
    "* bo is back",
  ]);
  const report = new Report();
  const reported = events.flatMap((event) => report.event(event)).map((line) => JSON.parse(line));
  assertEquals(reported.map(({ event, name, reason }) => [event, name ?? reason]), [
    ["disconnected", "RELAY_GONE"],
    ["disconnected", "SHUTDOWN"],
    ["reconnected", undefined],
    ["away", "bo"],
    ["back", "bo"],
  ]);
});

/** A line that was entered, as far as what is told of it. */
function lineOf(text: string): (MemberEvent & { kind: "delivered" })["line"] {
  const recipients = { to: undefined, version: 1, leftOut: new Set<string>() };
  return { id: "x.1", stream: 0, number: 1, time: 0, text, bytes: text.length, ...recipients };
}

Deno.test("members that have left without showing a message are named, as text and in a field", () => {
  const event = (shown: string, ...missed: string[]): MemberEvent => ({
    kind: "delivered",
    line: lineOf(shown),
    ...missed.length === 0 ? {} : { missed: missed.map((name) => ({ name, signed: false })) },
  });
  const said = (one: MemberEvent) => plain().event(one);
  assertEquals(said(event("hello")), []);
  assertEquals(said(event("hello", "bo")), ['! not shown to bo, who has left: "hello"']);
  assertEquals(said(event("x".repeat(41), "bo", "cy")), [
    `! not shown to bo and cy, who have left: "${"x".repeat(39)}…"`,
  ]);
  assertEquals(said(event("\x1b[2J\ntwo", "bo", "cy", "di", "ed", "fi")), [
    '! not shown to bo, cy and 3 others, who have left: "␛[2J…"',
  ]);
  assertEquals(
    said({ kind: "unheard", line: lineOf("hello"), missed: [{ name: "bo", signed: true }] }),
    [
      '! not shown to bo, who has left: "hello"',
    ],
  );
  const hidden = { name: "di", signed: false, withheld: true };
  assertEquals(
    said({
      kind: "delivered",
      line: lineOf("hello"),
      missed: [{ name: "bo", signed: false }, hidden],
    }),
    [
      '! not shown to bo, who has left: "hello"',
      '! not shown by di, who hides your messages, or knows you by another key: "hello"',
    ],
  );
  assertEquals(
    said({
      kind: "delivered",
      line: lineOf("hello"),
      missed: [{ name: "bo", signed: false, givenUp: true }],
    }),
    ['! not shown to bo, for whom more than 16 MiB waited: "hello"'],
  );
  const reported = (one: MemberEvent) => new Report().event(one).map((line) => JSON.parse(line));
  assertEquals("missed" in reported(event("hello"))[0], false);
  const [{ event: kind, id, missed }] = reported(event("hello", "bo", "cy"));
  assertEquals([kind, id, missed], ["delivered", "x.1", ["bo", "cy"]]);
});

Deno.test("an unsigned leaving is reported as the relay's statement, as text and in JSON", async () => {
  const bo = await peer("bo");
  const left = { kind: "left", peer: bo, reason: "LEFT" } as const;
  const told = (signed: boolean) => [
    ...plain().event({ ...left, signed }),
    JSON.parse(new Report().event({ ...left, signed })[0]!).signed,
  ];
  assertEquals(told(true), ["* bo left", true]);
  assertEquals(told(false), ["* the relay says that bo has left", false]);
});

Deno.test("another run of a member's identity is the member that is back, and any other takes its name", async () => {
  const bo = await peer("bo");
  const other = { ...bo, credential: await credentialOf("bo", 1, now) };
  const told = (newcomer: Peer) => {
    const transcript = plain();
    const left = { kind: "left", peer: bo, reason: "REPLACED", signed: false } as const;
    assertEquals(transcript.event(left), [], "the newcomer decides");
    return transcript.event({ kind: "joined", peer: newcomer, present: false });
  };
  assertEquals(told({ ...bo, number: 2 }), ["* bo is back"]);
  assertEquals(told(other), [
    "* bo is gone: another run has come under that name",
    "* bo joined (new)",
  ]);
});

Deno.test("a replaced member is gone if no newcomer follows, before what follows is told", async () => {
  const [bo, cy] = [await peer("bo"), await peer("cy")];
  const transcript = plain();
  transcript.event({ kind: "left", peer: bo, reason: "REPLACED", signed: false });
  const missed = [{ name: "bo", signed: false }];
  assertEquals(transcript.event({ kind: "delivered", line: lineOf("hello"), missed }), [
    "* bo is gone: another run has come under that name",
    '! not shown to bo, who has left: "hello"',
  ]);
  assertEquals(transcript.event({ kind: "joined", peer: bo, present: false }), [
    "* bo joined (new)",
  ]);
  transcript.event({ kind: "left", peer: bo, reason: "REPLACED", signed: false });
  assertEquals(transcript.event({ kind: "joined", peer: cy, present: false }), [
    "* bo is gone: another run has come under that name",
    "* cy joined (new)",
  ]);
  // One run may take the place of several, under names that look alike.
  for (const one of [bo, cy]) {
    transcript.event({ kind: "left", peer: one, reason: "REPLACED", signed: false });
  }
  assertEquals(transcript.event({ kind: "joined", peer: bo, present: false }), [
    "* cy is gone: another run has come under that name",
    "* bo is back",
  ]);
});

Deno.test("a member that returns after the grace is told the time span that it missed", () => {
  const room = new Uint8Array(32);
  const at = (...time: [number, number, number]) => new Date(2026, 10, 27, ...time).getTime();
  const missed = { from: at(12, 1, 7), to: at(12, 14, 55) };
  assertEquals(plain().event({ kind: "reconnected", room, missed }), [
    "* reconnected",
    "! you missed messages from 12:01:07 to 12:14:55: you were away for too long",
  ]);
  const overnight = { from: at(23, 59, 59), to: at(24, 0, 3) };
  assertEquals(plain().event({ kind: "reconnected", room, missed: overnight }), [
    "* reconnected",
    "! you missed messages from 2026-11-27 23:59:59 to 2026-11-28 00:00:03: " +
    "you were away for too long",
  ]);
  const [line] = new Report().event({ kind: "reconnected", room, missed });
  const { missedFrom, missedTo } = JSON.parse(line!);
  assertEquals([missedFrom, missedTo], [
    new Date(missed.from).toISOString(),
    new Date(missed.to).toISOString(),
  ]);
});

Deno.test("/who shows which members are away", async () => {
  const [self, bo] = [await credentialOf("ada", 1, now), { ...await peer("bo"), away: true }];
  assert(plain().roster([bo], self)[0]!.endsWith(", away)"));
});

Deno.test("a relay reports its address, its room, TLS, its page and how to join", () => {
  const addr = { transport: "tcp", hostname: "::1", port: 4396 } as const;
  const room = new Uint8Array(32).fill(0xab);
  const command = "parley chat client [::1]:4396";
  const join = { commands: [command], from: "this machine" } as const;
  const relay = { addr, room, roomName: "", tls: false, join };
  assertEquals(plain().listening(relay), [
    "* listening on [::1]:4396, room abababababababab",
    `* others on this machine join with: ${command}`,
  ]);
  assertEquals(
    plain().listening({ ...relay, tls: true })[0],
    "* listening on [::1]:4396 over TLS, room abababababababab",
  );
  assertEquals(
    plain().listening({ ...relay, roomName: "tea" })[0],
    "* listening on [::1]:4396, room tea (abababababababab)",
  );
  const two = { commands: ["parley A", "parley B"], from: "elsewhere" } as const;
  assertEquals(
    plain().listening({ ...relay, join: two })[1],
    "* others join with: parley A   or: parley B",
  );
  const unknown = { commands: ["parley chat client HOST"], from: "unknown" } as const;
  assertEquals(
    plain().listening({ ...relay, join: unknown })[1],
    "* others join with: parley chat client HOST, HOST being this machine's name or address",
  );
  const web = { url: "http://[::1]:4396/", sha256: "ab".repeat(32) };
  const page = `or in a browser: http://[::1]:4396/ (the page's SHA-256 is ${"ab".repeat(32)}`;
  const others = "* others join with: parley A   or: parley B";
  const https =
    "; on other machines browsers need https: --tls-cert, or a proxy with a certificate";
  assertEquals(plain().listening({ ...relay, join: two, web }).slice(1), [
    `${others}   ${page}${https})`,
  ]);
  const secure = { ...web, url: "https://[::1]:4396/" };
  assertEquals(plain().listening({ ...relay, join: two, web: secure, tls: true }).slice(1), [
    `${others}   ${page.replace("http:", "https:")})`,
  ]);
  const proxied = { ...web, url: "https://chat.example/parley/" };
  const [, where] = plain().listening({ ...relay, join: two, web: proxied });
  assertEquals(where, `${others}   ${page.replace(web.url, proxied.url)})`);
  assertEquals(JSON.parse(new Report().listening({ ...relay, web })[0]!).web, web);
  for (const tls of [false, true]) {
    const [line] = new Report().listening({ ...relay, tls });
    assertEquals([JSON.parse(line!).tls, JSON.parse(line!).join], [tls, [command]]);
  }
});

Deno.test("a joining is printed before the user's own message, also after other lines of that minute", async () => {
  for (const grows of [false, true]) {
    let time = 0;
    const style = makeStyle(false);
    const options = { style, echo: true, who: strangers(), lasting: true, gathers: true, grows };
    const transcript = new Transcript({ ...options, now: () => time });
    const lines: number[] = [];
    for (const name of ["s1", "s2"]) {
      const stranger = await peer(name);
      transcript.event({ kind: "joined", peer: stranger, present: false });
      time += 1_000;
      lines.push(transcript.event(message(stranger, "hi")).length);
    }
    assertEquals(lines, [2, 1], "only the first line of a minute ends early");
    const eve = await peer("eve");
    assertEquals(transcript.event({ kind: "joined", peer: eve, present: false }), []);
    assertEquals(transcript.said("the password", undefined), [
      "* joined: s2 (new) and eve (new)",
      "you: the password",
    ]);
  }
});

Deno.test("who has joined is told to a person whose terminal echoes by itself, too, when a message is sent", async () => {
  const options = { style: makeStyle(false), echo: false, who: strangers(), gathers: true };
  const transcript = new Transcript({ ...options, now: () => 0 });
  for (const name of ["bo", "eve"]) {
    const one = await peer(name);
    transcript.event({ kind: "joined", peer: one, present: false });
    if (name === "bo") transcript.event(message(one, "hi"));
  }
  assertEquals(transcript.said("the password", undefined), ["* eve joined (new)"]);
  assertEquals(transcript.said("the password", undefined), []);
});
