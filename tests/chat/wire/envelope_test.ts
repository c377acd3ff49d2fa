/**
 * The forms of the frames that members send each other and of those that carry a few fields: each malformed one is refused.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import { type Bytes, ByteWriter, MalformedError, utf8 } from "../../../lib/base/bytes.ts";
import {
  encodeRoute,
  readJoin,
  readJoined,
  readLeft,
  readRoute,
} from "../../../lib/chat/wire/control.ts";
import { readLeavePayload } from "../../../lib/chat/wire/history.ts";
import {
  encodeEntries,
  encodePair,
  encodeSealed,
  type Entry,
  readEntries,
  readPair,
  readSealed,
  readSealedAddress,
} from "../../../lib/chat/wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import {
  BOUND,
  encodeGreeting,
  isRoomName,
  KIND,
  MAX_GREETING_BYTES,
  readGreeting,
} from "../../../lib/chat/wire/kinds.ts";

const CHECK = new Uint8Array([1, 2, 3, 4]);
const SIGNATURE = new Uint8Array(64).fill(9);

function payloadOf(frame: Bytes): Bytes {
  return frame.slice(FRAME_HEADER_BYTES);
}

function refused(read: (payload: Bytes) => unknown, bad: Readonly<Record<string, Bytes>>): void {
  for (const [what, payload] of Object.entries(bad)) {
    assertThrows(() => read(payload), MalformedError, "", what);
  }
}

const sealed = {
  header: { sender: 3, route: 5, chain: 7, step: 9, number: 11, version: 13, check: CHECK },
  ciphertext: new Uint8Array(48).fill(8),
  signature: SIGNATURE,
};

Deno.test("a sealed frame is read back, and a relay reads where it goes", () => {
  const payload = payloadOf(encodeSealed(sealed));
  assertEquals(payload.length, 25 + 48 + 64 + 0);
  assertEquals(readSealed(payload), sealed);
  assertEquals(readSealedAddress(payload), { sender: 3, route: 5, number: 11, version: 13 });
});

Deno.test("a sealed frame with number 0, or with less than 48 bytes of ciphertext, is refused", () => {
  const short = { ...sealed, ciphertext: new Uint8Array(47) };
  const zero = { ...sealed, header: { ...sealed.header, number: 0 } };
  const bad = {
    "number 0": payloadOf(encodeSealed(zero)),
    "a short ciphertext": payloadOf(encodeSealed(short)),
    "a header and no more": payloadOf(encodeSealed(sealed)).slice(0, 25),
    nothing: new Uint8Array(0),
  };
  refused(readSealed, bad);
  refused(readSealedAddress, bad);
});

const pair = {
  header: { sender: 3, recipient: 4, use: 2 ** 40, version: 13, check: CHECK },
  wrapped: new Uint8Array(256).fill(7),
  ciphertext: new Uint8Array(16).fill(8),
  signature: SIGNATURE,
};

Deno.test("a pair frame is read back, with a wrapped key and without", () => {
  for (const wrapped of [pair.wrapped, new Uint8Array(0), new Uint8Array(512)]) {
    assertEquals(readPair(payloadOf(encodePair({ ...pair, wrapped }))), { ...pair, wrapped });
  }
});

Deno.test("a pair frame without a tag, or with a key that no RSA key wraps, is refused", () => {
  refused(readPair, {
    "15 bytes of ciphertext": payloadOf(encodePair({ ...pair, ciphertext: new Uint8Array(15) })),
    "a wrapped key of 513 bytes": payloadOf(encodePair({ ...pair, wrapped: new Uint8Array(513) })),
    "a wrapped key that is not there": payloadOf(encodePair(pair)).slice(0, 22 + 2 + 255),
    nothing: new Uint8Array(0),
  });
});

function entry(size: number): Entry {
  return { member: 3, sequence: 2 ** 41, version: 5, check: CHECK, box: new Uint8Array(size) };
}

Deno.test("entries are read back, in as many frames as their bound asks for", () => {
  const one = [entry(16)];
  assertEquals(encodeEntries(KIND.receipt, one).map(payloadOf).map(readEntries), [one]);
  assertEquals(encodeEntries(KIND.receipt, []), []);
  const many = Array.from({ length: 1000 }, () => entry(1232));
  const frames = encodeEntries(KIND.ask, many);
  assertEquals(frames.length, 5);
  for (const frame of frames) {
    assertEquals([frame[4], payloadOf(frame).length <= BOUND.receipts], [KIND.ask, true]);
  }
  assertEquals(frames.flatMap((frame) => readEntries(payloadOf(frame))), many);
});

Deno.test("entries that are malformed are refused", () => {
  const good = payloadOf(encodeEntries(KIND.receipt, [entry(16)])[0]!);
  const withCount = (count: number) => concat([new Uint8Array([0, count]), good.subarray(2)]);
  refused(readEntries, {
    "no entries": new Uint8Array(2),
    "no count": new Uint8Array(1),
    "fewer entries than their count": withCount(2),
    "more bytes than entries": concat([good, new Uint8Array(1)]),
    "half an entry": good.slice(0, -1),
    "a box without a tag": payloadOf(encodeEntries(KIND.receipt, [entry(15)])[0]!),
    "a box for more than 64 streams": payloadOf(encodeEntries(KIND.receipt, [entry(1233)])[0]!),
  });
});

Deno.test("a route is read back; route 0, other forms and half members are refused", () => {
  for (const except of [true, false]) {
    const route = { route: 1, except, members: [1, 2 ** 32 - 1] };
    assertEquals(readRoute(payloadOf(encodeRoute(route))), route);
  }
  const all = Array.from({ length: 16_000 }, (_, i) => i);
  assertEquals(encodeRoute({ route: 1, except: true, members: all }).length <= BOUND.control, true);
  refused(readRoute, {
    "route 0": payloadOf(encodeRoute({ route: 0, except: true, members: [] })),
    "form 2": new Uint8Array([1, 2]),
    "half a member": new Uint8Array([1, 0, 0, 0, 0]),
    "no form": new Uint8Array([1]),
    nothing: new Uint8Array(0),
  });
});

Deno.test("a statement of leaving has 68 bytes or none, in leave and in left", () => {
  const left = (statement: Bytes, reason = 0) =>
    new ByteWriter(128).u32(5).u32(1).u8(reason).block16(statement).finish();
  assertEquals(readLeavePayload(new Uint8Array(0)), undefined);
  for (const length of [1, 67, 69]) {
    refused(readLeavePayload, { length: new Uint8Array(length) });
    refused(readLeft, { length: left(new Uint8Array(length)) });
  }
  assertEquals(readLeft(left(new Uint8Array(68))).statement.length, 68);
  for (const reason of [11, 13, 21, 25, 31, 255]) {
    refused(readLeft, { [`reason ${reason}`]: left(new Uint8Array(0), reason) });
  }
});

/** A join with fields of these lengths. */
function join(fields: Partial<Record<"credential" | "renewal" | "host" | "invitation", Bytes>>) {
  const none = new Uint8Array(0);
  const { credential = none, renewal = none, host = none, invitation = none } = fields;
  return new ByteWriter(4096).block16(credential).block16(renewal).block16(host).u16(4396)
    .block16(invitation).raw(SIGNATURE).finish();
}

Deno.test("the fields of a join have bounds of their own", () => {
  const most = {
    credential: new Uint8Array(2048),
    host: new Uint8Array(255).fill(97),
    invitation: new Uint8Array(96),
  };
  assertEquals(readJoin(join(most)).dialled, { host: "a".repeat(255), port: 4396 });
  refused(readJoin, {
    credential: join({ credential: new Uint8Array(2049) }),
    host: join({ host: new Uint8Array(256) }),
    "a host that is not UTF-8": join({ host: new Uint8Array([0xff]) }),
    "an invitation with less than a proof": join({ invitation: new Uint8Array(95) }),
    "an invitation with more than a proof": join({ invitation: new Uint8Array(97) }),
    "a renewal over the bound": join({ renewal: new Uint8Array(523) }),
    "a renewal without its form": join({ renewal: new Uint8Array(9) }),
  });
  const listing = (credential: Bytes, renewal: Bytes) =>
    new ByteWriter(4096).u32(3).block16(credential).block16(renewal).finish();
  refused(readJoined, {
    credential: listing(new Uint8Array(2049), new Uint8Array(0)),
    renewal: listing(new Uint8Array(9), new Uint8Array(9)),
  });
});

Deno.test("names of rooms: NFKC, at most 64 bytes, no slash, white space or control", () => {
  for (const name of ["", "lobby", "Grüße", "会议室", "x".repeat(64), "a-b_c.d#!"]) {
    assertEquals(isRoomName(name), true, name);
  }
  const bad = ["x".repeat(65), "é".repeat(33), "a/b", "a b", "a\u00a0b", "a\nb", "a\u200db"];
  for (const name of [...bad, "e\u0301", "ﬁ", "a\u2028b", "a\ud800"]) {
    assertEquals(isRoomName(name), false, JSON.stringify(name));
  }
});

Deno.test("a greeting is foreign at its first wrong byte, and partial until it is whole", () => {
  const greeting = encodeGreeting("lobby", [7, 2]);
  for (let length = 0; length < greeting.length; length++) {
    assertEquals(readGreeting(greeting.subarray(0, length)).state, "partial", `${length} bytes`);
  }
  const whole = { state: "whole", versions: [7, 2], roomName: "lobby", length: greeting.length };
  assertEquals(readGreeting(greeting), whole as ReturnType<typeof readGreeting>);
  const more = concat([greeting, new Uint8Array(9)]);
  assertEquals(readGreeting(more), whole as ReturnType<typeof readGreeting>);
  const foreign = [
    utf8("GET / HTTP/1.1"),
    new Uint8Array([22, 3, 1]),
    utf8("parlez"),
    concat([utf8("parley"), new Uint8Array([0])]),
    concat([utf8("parley"), new Uint8Array([17])]),
    concat([utf8("parley"), new Uint8Array([1, 2, 65])]),
  ];
  for (const bytes of foreign) assertEquals(readGreeting(bytes), { state: "foreign" });
  const most = concat(
    [utf8("parley"), new Uint8Array([16]), new Uint8Array(16), [64]].map((part) =>
      new Uint8Array(part)
    ),
  );
  assertEquals(most.length + 64, MAX_GREETING_BYTES);
  assertEquals(readGreeting(most).state, "partial");
});

Deno.test("a greeting with a room name that is not valid is whole, and has none", () => {
  const names = [utf8("a b"), utf8("e\u0301"), new Uint8Array([0xff])];
  for (const name of names) {
    const greeting = concat([utf8("parley"), new Uint8Array([1, 2, name.length]), name]);
    const read = readGreeting(greeting);
    assertEquals(read.state === "whole" ? read.roomName : read.state, undefined);
  }
});
