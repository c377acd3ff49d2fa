// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { makeStyle } from "../../lib/chat/style.ts";
import { Report } from "../../lib/conversation/report.ts";
import { Transcript } from "../../lib/conversation/transcript.ts";
import { credentialOf } from "../chat/room.ts";
import type { MemberEvent, Peer } from "../../lib/tcp_chat.ts";

const now = () => 1_700_000_000_000;

async function peer(name: string, confirmed = true): Promise<Peer> {
  return { number: 1, credential: await credentialOf(name, 0, now), confirmed };
}

function message(from: Peer, text: string, isPrivate = false): MemberEvent {
  return { kind: "message", from, id: "x.1", text, time: 0, private: isPrivate };
}

const plain = () => new Transcript(makeStyle(false), true);

Deno.test("a transcript makes controls of a text visible, and its lines its sender's", async () => {
  const bo = await peer("bo");
  assertEquals(plain().event(message(bo, "a\x1b[2J\u202eb\tc")), ["bo: a␛[2J\\u{202e}b    c"]);
  assertEquals(plain().event(message(bo, "one\nada: two\r\n")), [
    "bo: one",
    "  | ada: two␍",
    "  | ",
  ]);
  assertEquals(plain().event(message(bo, "psst", true)), ["bo (to you only): psst"]);
});

Deno.test("a transcript has no control in it, whatever comes", async () => {
  const nasty = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join("");
  const bo = await peer("bo");
  const transcript = plain();
  const lines = [
    ...transcript.event(message(bo, nasty)),
    ...transcript.said(nasty, nasty),
    ...transcript.notice(nasty),
    ...transcript.error("CODE", nasty),
    ...transcript.relayEvent({ kind: "refused", reason: "BAD_FRAME", detail: nasty }),
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

Deno.test("on joining, a transcript shows who one is, who is there, and that nobody is verified", async () => {
  const transcript = plain();
  const self = await credentialOf("ada", 0, now);
  const [bo, zoe] = [await peer("bo"), await peer("zoe", false)];
  const room = new Uint8Array(32);
  const lines = [
    { kind: "admitted", self, room } as const,
    { kind: "joined", peer: bo, present: true } as const,
    { kind: "joined", peer: zoe, present: true } as const,
    { kind: "ready" } as const,
  ].flatMap((event) => transcript.event(event));
  assertEquals(lines, [
    `* you are ada ${self.fingerprint}`,
    `* here: bo ${bo.credential.fingerprint}`,
    `* here: zoe ${zoe.credential.fingerprint} (unconfirmed)`,
    "* nobody here is verified: compare fingerprints some other way than by this chat",
  ]);
});

Deno.test("a transcript says once that nobody hears, until somebody comes", async () => {
  const transcript = plain();
  const line = {
    id: "x.1",
    number: 1,
    time: 0,
    text: new Uint8Array(1),
    shown: "x",
    to: undefined,
    newest: 1,
  };
  assertEquals(transcript.event({ kind: "unheard", line }).length, 1);
  assertEquals(transcript.event({ kind: "unheard", line }).length, 0);
  transcript.event({ kind: "joined", peer: await peer("bo"), present: false });
  assertEquals(transcript.event({ kind: "unheard", line }).length, 1);
});

Deno.test("a fault says whose it is, how often, and what became of the frame", async () => {
  const bo = await peer("bo");
  const fault = { kind: "fault", code: "BAD_SIGNATURE", peer: bo, detail: "", count: 4 } as const;
  assertEquals(plain().event(fault), [
    "! bo: a frame was not signed by its sender, or was changed on the way; nothing of it is shown, 4 times now (BAD_SIGNATURE)",
  ]);
  const [json] = new Report().event(fault);
  const { event, code, from, count } = JSON.parse(json!);
  assertEquals([event, code, from, count], ["error", "BAD_SIGNATURE", "bo", 4]);
});

Deno.test("a report is one JSON object a line, whatever the text", async () => {
  const text = 'a\n"b"\u2028\ud800';
  const [line, ...rest] = new Report().event(message(await peer("bo"), text));
  assertEquals(rest, []);
  assert(!line!.includes("\n"));
  assertEquals(JSON.parse(line!).text, text);
});
