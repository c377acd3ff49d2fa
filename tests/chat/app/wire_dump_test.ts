// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import {
  dumpFrame,
  frameFields,
  type WireFrame,
  WireReader,
} from "../../../lib/chat/app/wire_dump.ts";
import { encodeCount, encodeEmpty } from "../../../lib/chat/wire/control.ts";
import { encodeGreeting, KIND } from "../../../lib/chat/wire/kinds.ts";

Deno.test("WireReader sees frames however they are cut, and skips the greeting", () => {
  const seen: string[] = [];
  const reader = new WireReader(({ direction, kind, length }) =>
    seen.push(`${direction} ${kind} ${length}`)
  );
  const sent = new Uint8Array([...encodeGreeting(""), ...encodeEmpty(KIND.pong)]);
  for (const byte of sent) reader.see("sent", new Uint8Array([byte]));
  reader.see(
    "received",
    new Uint8Array([...encodeEmpty(KIND.ping), ...encodeCount(KIND.accepted, 7)]),
  );
  assertEquals(seen, [
    `sent ${KIND.pong} 5`,
    `received ${KIND.ping} 5`,
    `received ${KIND.accepted} 13`,
  ]);
});

Deno.test("a dump survives a frame that is malformed, and one that is large", () => {
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

Deno.test("WireReader sees nothing more of what is not frames", () => {
  let seen = 0;
  const reader = new WireReader(() => seen += 1);
  reader.see("received", new Uint8Array([0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  reader.see("received", encodeEmpty(KIND.ping));
  assertEquals(seen, 0);
});
