/**
 * The command `/verify`: what it takes an answer for, and what it tells.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Report } from "../../../lib/chat/app/json_report.ts";
import { Transcript } from "../../../lib/chat/app/transcript.ts";
import { Verification } from "../../../lib/chat/app/command_runner.ts";
import type { MemberEvent } from "../../../lib/chat/member/options.ts";
import type { Peer } from "../../../lib/chat/member/roster.ts";
import type { Session } from "../../../lib/chat/runtime/session.ts";
import { KnownPeers } from "../../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../../lib/chat/trust/trust.ts";
import type { WordsEnd, WordsEvent } from "../../../lib/chat/trust/words.ts";
import { makeStyle } from "../../../lib/terminal/terminal.ts";
import { credentialOf, until } from "../keys.ts";

const now = () => 1_700_000_000_000;
const ROOM: Bytes = new Uint8Array(32);

async function peerOf(name: string, keys: number): Promise<Peer> {
  const credential = await credentialOf(name, keys, now);
  return { number: keys + 1, credential, confirmed: true, away: false };
}

/** A person at a terminal, whose program compares words. */
class Person {
  readonly screen: string[] = [];
  readonly refused: string[] = [];
  readonly trust: Trust;
  readonly verification: Verification;
  bells = 0;
  /** Where notices go. */
  other: Person | undefined;

  constructor(readonly peer: Peer, known = "") {
    this.trust = new Trust({ known: KnownPeers.parse(known) });
    const { trust } = this;
    this.verification = new Verification({
      presenter: new Transcript({ style: makeStyle(false), echo: true, who: trust }),
      display: {
        print: (lines) => this.screen.push(...lines),
        notify: () => this.bells += 1,
        caughtUp: () => undefined,
        failed: new Promise<never>(() => {}),
        failure: undefined,
      },
      trust,
    }, {
      refuse: (code) => this.refused.push(code),
      fail: (error) => {
        throw error;
      },
    });
    this.hear({ kind: "admitted", self: peer.credential as never, room: ROOM });
    this.verification.begin({
      sendNotice: (_to: Peer, _notice: string, body: Bytes) => {
        this.other?.hear({ kind: "notice", peer, notice: "words", body });
        return this.other !== undefined;
      },
    } as unknown as Session);
  }

  hear(event: MemberEvent): void {
    this.verification.tell(event);
  }

  meet(peer: Peer): void {
    this.trust.meet(peer, false);
  }

  /** The state of a peer in this person's eyes. */
  of({ credential }: Peer): string {
    return this.trust.of(credential);
  }

  /** Waits for a line on the screen. */
  async sees(text: string): Promise<void> {
    await until(() => this.screen.some((line) => line.includes(text)), text);
  }
}

/** ada and bo, who have met. */
async function two(): Promise<{ ada: Person; bo: Person; stop: Disposable }> {
  const [ada, bo] = [new Person(await peerOf("ada", 0)), new Person(await peerOf("bo", 1))];
  ada.other = bo;
  bo.other = ada;
  ada.meet(bo.peer);
  bo.meet(ada.peer);
  const stop = {
    [Symbol.dispose]: () => [ada, bo].forEach(({ verification }) => verification.stop()),
  };
  return { ada, bo, stop };
}

Deno.test("two people compare words, and each one's answer verifies the other for that person alone", async () => {
  const { ada, bo, stop } = await two();
  using _stop = stop;
  ada.verification.run(bo.peer, undefined);
  await ada.sees("the words of you and bo are");
  await bo.sees("the words of you and ada are");
  const words = ada.screen[2]!;
  assert(/^\* {5}[a-z]+( {2}[a-z]+){3}$/.test(words), words);
  assertEquals(ada.screen, [
    "* asking bo for words to compare …",
    "* the words of you and bo are",
    words,
    "* compare them with bo by phone or in person, not in this chat",
    "* the same: /verify bo yes   not the same: /verify bo no",
  ]);
  assertEquals(bo.screen, [
    "* ada wants to compare words with you, so that you can be sure of each other",
    "* the words of you and ada are",
    words,
    "* compare them with ada by phone or in person, not in this chat",
    "* the same: /verify ada yes   not the same: /verify ada no",
  ]);
  assertEquals([ada.bells, bo.bells], [0, 1]);
  ada.screen.length = bo.screen.length = 0;
  ada.verification.run(bo.peer, "yes");
  assertEquals([ada.of(bo.peer), bo.of(ada.peer)], ["verified", "new"]);
  assertEquals(bo.screen, [
    "* ada has confirmed the words; if you see the same ones: /verify ada yes",
  ]);
  bo.verification.run(ada.peer, "yes");
  assertEquals(bo.of(ada.peer), "verified");
  const { fingerprint } = bo.peer.credential;
  assertEquals(ada.screen.filter((line) => !line.includes("later key changes")), [
    `* bo is verified, for this run: ${fingerprint}`,
    "* bo has not confirmed the words yet",
    "* you and bo have both confirmed the words",
  ]);
  assertEquals(bo.screen.at(-1), "* you and ada have both confirmed the words");
});

Deno.test("the answer no warns both people, and a later yes verifies nobody", async () => {
  const { ada, bo, stop } = await two();
  using _stop = stop;
  bo.verification.run(ada.peer, undefined);
  await ada.sees("the words of you and bo are");
  await bo.sees("the words of you and ada are");
  ada.verification.run(bo.peer, "yes");
  ada.screen.length = 0;
  bo.verification.run(ada.peer, "no");
  assertEquals(bo.screen.slice(-4, -3)[0]?.startsWith("* ada has confirmed"), true);
  assertEquals(bo.screen.slice(-3), [
    "! THE WORDS OF YOU AND ada DIFFER: someone may be between you, and read what you write to each other.",
    "! Write nothing secret here. If one of you may have misread, try once more: /verify ada",
    "! If they differ again, meet elsewhere: /exclude ada stops your messages to it",
  ]);
  assertEquals(ada.screen[0]?.startsWith("! bo SAYS THAT THE WORDS DIFFER: "), true);
  assertEquals(ada.screen.at(-1)?.endsWith(", /forget bo undoes your confirmation"), true);
  bo.verification.run(ada.peer, "yes");
  assertEquals([bo.refused, bo.of(ada.peer)], [["NOTHING_TO_COMPARE"], "new"]);
});

Deno.test("an answer applies to the words or safety number shown last, and fails if there is none", async () => {
  const { ada, bo, stop } = await two();
  using _stop = stop;
  ada.verification.run(bo.peer, "yes");
  ada.verification.run(bo.peer, "no");
  assertEquals(ada.refused, ["NOTHING_TO_COMPARE", "NOTHING_TO_COMPARE"]);
  ada.trust.show(bo.peer.credential);
  ada.verification.showedNumber(bo.peer);
  ada.verification.run(bo.peer, "no");
  assertEquals(ada.screen[0]?.startsWith("! THE SAFETY NUMBERS OF YOU AND bo DIFFER"), true);
  ada.verification.run(bo.peer, "yes");
  assertEquals(ada.refused.length, 3);
  // Words that ended take the number with them: it was not what was shown last.
  ada.verification.showedNumber(bo.peer);
  ada.other = undefined;
  ada.verification.run(bo.peer, undefined);
  await ada.sees("bo cannot be asked now; compare the safety number instead: /fingerprint bo");
  ada.verification.run(bo.peer, "yes");
  assertEquals([ada.refused.length, ada.of(bo.peer)], [4, "new"]);
  ada.verification.showedNumber(bo.peer);
  ada.verification.run(bo.peer, "yes");
  assertEquals([ada.refused.length, ada.of(bo.peer)], [4, "verified"]);
});

Deno.test("an answer to words fails if another identity has taken the name, even if it shows words", async () => {
  for (const asks of [true, false]) {
    const { ada, bo, stop } = await two();
    using _stop = stop;
    if (asks) ada.verification.run(bo.peer, undefined);
    else bo.verification.run(ada.peer, undefined);
    await ada.sees("the words of you and bo are");
    ada.hear({ kind: "left", peer: bo.peer, reason: "LOST", signed: false });
    await ada.sees("the words of you and bo no longer count: bo has left");
    // While ada still reads out the words, somebody else comes as bo and begins at once.
    const mallory = new Person(await peerOf("bo", 2));
    mallory.other = ada;
    ada.other = mallory;
    ada.meet(mallory.peer);
    ada.screen.length = 0;
    mallory.verification.run(ada.peer, undefined);
    await ada.sees("the words of you and bo are");
    ada.verification.run(mallory.peer, "yes");
    assertEquals([ada.refused, ada.of(mallory.peer)], [["FINGERPRINT_CHANGED"], "new"]);
    mallory.verification.stop();
  }
});

Deno.test("/verify of a member whose key has changed asks for /trust first", async () => {
  const other = `bo SHA256:${"x".repeat(42)}A 2026-11-01 verified\n`;
  const ada = new Person(await peerOf("ada", 0), other);
  ada.verification.run(await peerOf("bo", 1), undefined);
  assertEquals([ada.refused, ada.screen], [["KEY_CHANGED"], []]);
});

Deno.test("the end of an attempt is reported with its reason and what to do", async () => {
  const peer = await peerOf("bo", 1);
  const transcript = new Transcript({ style: makeStyle(false), echo: true });
  const ended = (why: WordsEnd, more: Partial<WordsEvent> = {}) => {
    const none = { words: undefined, confirmed: false, both: false };
    return transcript.words({ peer, state: "ended", by: "peer", ...none, why, ...more }).join("\n");
  };
  const words = ["build", "leisure", "check", "peanut"];
  const expected: [string, string][] = [
    [
      ended("unanswered"),
      "* bo does not answer: it is away, or you have asked it too often",
    ],
    [
      ended("unsent"),
      "* bo cannot be asked now; compare the safety number instead: /fingerprint bo",
    ],
    [
      ended("unfinished"),
      "! bo has begun to compare words and does not go on: there are no words.",
    ],
    [ended("forged"), "! THE PROGRAM OF bo CHEATS: "],
    [ended("expired", { words }), "* the words of you and bo no longer count: 10 minutes are over"],
    [ended("expired", { words, confirmed: true }), "* bo has not confirmed the words: 10 minutes"],
    [ended("again", { words }), "* the words of you and bo no longer count: bo begins again"],
    [ended("given up"), "* there are no words of you and bo: bo has given up"],
    [ended("given up", { by: "self" }), "* there are no words of you and bo: you have given up"],
    [ended("left", { words }), "* the words of you and bo no longer count: bo has left"],
    [ended("stay", { words }), "* the words of you and bo no longer count: you have joined anew"],
  ];
  for (const [text, start] of expected) assert(text.startsWith(start), text);
});

Deno.test("--json reports short words as one event", async () => {
  const peer = await peerOf("bo", 1);
  const report = new Report();
  const words = ["build", "leisure", "check", "peanut"];
  const event: WordsEvent = {
    ...{ peer, state: "confirmed", by: "peer", words, confirmed: true, both: true },
    why: undefined,
  };
  const { at: _, ...told } = JSON.parse(report.words(event)[0]!);
  assertEquals(told, {
    event: "words",
    peer: "bo",
    fingerprint: peer.credential.fingerprint,
    words: "build leisure check peanut",
    state: "confirmed",
    by: "peer",
    both: true,
  });
});
