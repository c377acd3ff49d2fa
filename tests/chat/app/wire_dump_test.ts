// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  dumpFrame,
  frameFields,
  type WireFrame,
  WireReader,
} from "../../../lib/chat/app/wire_dump.ts";
import { unpaced } from "../../../lib/chat/app/setup.ts";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { Output } from "../../../lib/os/streams.ts";
import { encodeCount, encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeHere } from "../../../lib/chat/wire/history.ts";
import { encodeEntries, encodePair, encodeSealed } from "../../../lib/chat/wire/envelope.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";

Deno.test("WireReader reads frames from pieces of any size, and skips the greeting", () => {
  const seen: string[] = [];
  const reader = new WireReader(({ direction, kind, length }) =>
    seen.push(`${direction} ${kind} ${length}`)
  );
  const sent = new Uint8Array([...encodeGreeting("lobby"), ...encodeEmpty(KIND.pong)]);
  for (const byte of sent) reader.see("sent", new Uint8Array([byte]));
  reader.see(
    "received",
    new Uint8Array([...encodeEmpty(KIND.ping), ...encodeCount(KIND.accepted, 7)]),
  );
  assertEquals(seen, [
    `sent ${KIND.pong} 5`,
    `received ${KIND.ping} 5`,
    `received ${KIND.accepted} 11`,
  ]);
});

/** A frame as a tap sees it. */
function seen(bytes: Bytes): WireFrame {
  const frames: WireFrame[] = [];
  new WireReader((frame) => frames.push(frame), "received").see("sent", bytes);
  return frames[0]!;
}

Deno.test("a dump shows the fields of the frames between members", () => {
  const check = new Uint8Array([0xca, 0xfe, 0, 1]);
  const signature = new Uint8Array(64);
  const header = { sender: 3, route: 0, chain: 7, step: 2, number: 41, version: 9, check };
  const sealed = encodeSealed({ header, ciphertext: new Uint8Array(48), signature });
  const fields = { direction: "sent", check: "cafe0001", version: 9 };
  assertEquals(frameFields(seen(sealed)), {
    ...fields,
    kind: "sealed",
    length: sealed.length,
    sender: 3,
    route: 0,
    chain: 7,
    step: 2,
    number: 41,
    signature: "00".repeat(64),
    ciphertext: "00".repeat(48),
  });
  const pair = encodePair({
    header: { sender: 3, recipient: 4, use: 5, version: 9, check },
    wrapped: new Uint8Array(256),
    ciphertext: new Uint8Array(16),
    signature,
  });
  const pairFields = frameFields(seen(pair));
  assertEquals(
    [pairFields.sender, pairFields.recipient, pairFields.use, pairFields.RSA_OAEP_bytes],
    [3, 4, 5, 256],
  );
  const here = encodeHere({ member: 3, version: 9, check, signature });
  assertEquals([frameFields(seen(here)).sender, frameFields(seen(here)).check], [3, "cafe0001"]);
  const entry = { member: 3, sequence: 8, version: 9, check, box: new Uint8Array(17) };
  for (const kind of [KIND.receipt, KIND.ask]) {
    const [frame] = encodeEntries(kind, [entry, entry]);
    const dumped = frameFields(seen(frame!));
    assertEquals([dumped.entries, dumped.member, dumped.sequence], [2, 3, 8]);
  }
});

Deno.test("a dump marks malformed frames and shortens large ones", () => {
  const malformed: WireFrame = {
    direction: "received",
    kind: KIND.sealed,
    payload: new Uint8Array(10),
    length: 15,
  };
  assert(dumpFrame(malformed).join("\n").includes("malformed"));
  assert("malformed" in frameFields(malformed));
  const large = { ...malformed, payload: new Uint8Array(500_000), length: 500_005 };
  assert(dumpFrame(large).length < 300);
});

Deno.test("WireReader stops at bytes that are not frames", () => {
  let seen = 0;
  const reader = new WireReader(() => seen += 1);
  reader.see("received", new Uint8Array([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  reader.see("received", encodeEmpty(KIND.ping));
  assertEquals(seen, 0);
});

Deno.test("frames that the output is too slow for are left out, and their lines are counted in their place", async () => {
  const gate = Promise.withResolvers<void>();
  const written: string[] = [];
  const output = new Output({
    write: async (bytes) => {
      await gate.promise;
      written.push(...new TextDecoder().decode(bytes).split("\n").slice(0, -1));
      return bytes.length;
    },
  }, () => {});
  const offer = unpaced(output, { notice: (text) => [`* ${text}`] });
  const mebibyte = "x".repeat(1 << 20);
  for (let i = 0; i < 6; i++) offer([`${mebibyte}${i}`]);
  offer(["short"]);
  gate.resolve();
  await output.caughtUp();
  await new Promise((resolve) => setTimeout(resolve));
  offer(["later"]);
  await output.caughtUp();
  assertEquals(written.map((line) => line.replace(mebibyte, "x")), [
    "x0",
    "x1",
    "x2",
    "* the output is read too slowly; lines left out here: 3",
    "short",
    "later",
  ]);
});
