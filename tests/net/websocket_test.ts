/**
 * WebSocket frames, by the groups of cases of the Autobahn test suite, against both sides: 1 framing, 2 pings and
 * pongs, 3 reserved bits, 4 opcodes, 5 fragmentation, 6 UTF-8, 7 closing, 9 limits, 10 others. Each input is taken
 * whole, byte by byte and in pieces.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertNotEquals } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import type { Bytes } from "../../lib/base/bytes.ts";
import {
  acceptFor,
  type Closed,
  isKey,
  makeKey,
  type Side,
  WebSocketCodec,
} from "../../lib/net/websocket.ts";
import {
  CLOSE,
  closing,
  CONTINUATION,
  framesFor,
  type FrameShape,
  PING,
  PONG,
  readFrames,
  TEXT,
} from "./websocket_frames.ts";

const SIDES: readonly Side[] = ["client", "server"];

/** What a side makes of bytes. */
interface Taken {
  readonly data: Bytes;
  /** The payloads of its pongs. */
  readonly pongs: Bytes[];
  readonly closed: Closed | undefined;
}

function take(side: Side, bytes: Uint8Array, pieceBytes: number): Taken {
  const codec = new WebSocketCodec(side);
  const data: Bytes[] = [];
  const pongs: Bytes[] = [];
  let closed: Closed | undefined;
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const received = codec.receive(bytes.slice(at, at + pieceBytes));
    data.push(received.data.slice());
    pongs.push(...received.pongs);
    closed = received.closed;
  }
  return { data: concat(data), pongs: readPongs(side, pongs), closed };
}

function readPongs(side: Side, frames: readonly Bytes[]): Bytes[] {
  return frames.flatMap((bytes) => readFrames(bytes)).map(({ opcode, fin, masked, payload }) => {
    assertEquals([opcode, fin, masked], [PONG, true, side === "client"]);
    return payload;
  });
}

/** Gives frames to both sides, cut in all ways, and checks that all of them come to the same. */
function taken(...shapes: readonly FrameShape[]): Taken {
  const results = SIDES.flatMap((side) => {
    const bytes = framesFor(side, shapes);
    const sizes = bytes.length > 100_000 ? [bytes.length, 4_001] : [bytes.length, 1, 7, 997];
    return sizes.map((size) => take(side, bytes, Math.max(1, size)));
  });
  for (const result of results) assertEquals(result, results[0]);
  return results[0]!;
}

function fault(code: number, ...shapes: readonly FrameShape[]): void {
  const { closed, pongs } = taken(...shapes);
  assertEquals([closed?.code, closed?.isFault, pongs], [code, true, []], closed?.reason);
}

function bytes(length: number, from = 0): Bytes {
  return Uint8Array.from({ length }, (_, i) => (from + i * 7) % 251);
}

const text = (said: string) => new TextEncoder().encode(said);

Deno.test("1: binary messages of every form of length come through", () => {
  for (const length of [0, 1, 125, 126, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
    const { data, closed } = taken({ payload: bytes(length) });
    assertEquals([data, closed], [bytes(length), undefined], `${length} bytes`);
  }
});

Deno.test("1: text messages are refused with 1003, empty ones too, and so is a text in fragments", () => {
  fault(1003, { opcode: TEXT });
  fault(1003, { opcode: TEXT, payload: text("hello") });
  fault(1003, { opcode: TEXT, payload: text("hel"), fin: false });
});

Deno.test("1: what came before a fault is delivered", () => {
  const { data, closed } = taken({ payload: bytes(300) }, { opcode: TEXT });
  assertEquals([data, closed?.code], [bytes(300), 1003]);
});

Deno.test("2: a ping is answered by a pong with its payload, of 0 to 125 bytes", () => {
  for (const payload of [bytes(0), text("hello"), new Uint8Array([0, 255, 254, 253]), bytes(125)]) {
    assertEquals(taken({ opcode: PING, payload }).pongs, [payload]);
  }
  fault(1002, { opcode: PING, payload: bytes(126) });
});

Deno.test("2: ten pings have ten answers in their order", () => {
  const pings = Array.from({ length: 10 }, (_, i) => ({ opcode: PING, payload: bytes(4, i) }));
  assertEquals(taken(...pings).pongs, pings.map(({ payload }) => payload));
});

Deno.test("2: pongs that nobody asked for are ignored", () => {
  const { data, pongs, closed } = taken(
    { opcode: PONG },
    { opcode: PONG, payload: text("unasked") },
    { opcode: PING, payload: text("asked") },
    { payload: bytes(9) },
  );
  assertEquals([data, pongs, closed], [bytes(9), [text("asked")], undefined]);
});

Deno.test("3: each reserved bit is refused with 1002, in data and in control frames", () => {
  for (let rsv = 1; rsv <= 7; rsv++) {
    for (const opcode of [CONTINUATION, TEXT, 2, CLOSE, PING, PONG]) {
      fault(1002, { opcode, rsv, payload: text("x") });
    }
  }
});

Deno.test("4: each reserved opcode is refused with 1002", () => {
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    fault(1002, { opcode });
    fault(1002, { opcode, payload: text("x") });
  }
});

Deno.test("5: control frames in fragments are refused", () => {
  for (const opcode of [PING, PONG, CLOSE]) fault(1002, { opcode, fin: false });
});

Deno.test("5: a message in fragments comes through, with pings and pongs in between", () => {
  const { data, pongs, closed } = taken(
    { payload: bytes(10), fin: false },
    { opcode: PING, payload: text("one") },
    { opcode: CONTINUATION, payload: bytes(200, 70), fin: false },
    { opcode: PONG, payload: text("unasked") },
    { opcode: CONTINUATION, fin: false },
    { opcode: PING, payload: text("two") },
    { opcode: CONTINUATION, payload: bytes(5, 3) },
    { payload: bytes(2) },
  );
  assertEquals(data, concat([bytes(10), bytes(200, 70), bytes(5, 3), bytes(2)]));
  assertEquals([pongs, closed], [[text("one"), text("two")], undefined]);
});

Deno.test("5: a continuation without a message is refused, and a message within a message", () => {
  fault(1002, { opcode: CONTINUATION });
  fault(1002, { opcode: CONTINUATION, fin: false });
  fault(1002, { payload: bytes(3) }, { opcode: CONTINUATION, payload: bytes(3) });
  fault(1002, { payload: bytes(3), fin: false }, { payload: bytes(3) });
  fault(1002, { payload: bytes(3), fin: false }, { opcode: TEXT });
});

Deno.test("6: the reason of a close frame must be UTF-8, or the answer is 1007", () => {
  for (const reason of ["", "bye", "κόσμε", "\u{1f44b}", "\u{10ffff}", "\ufeffbom", "\u0000"]) {
    const { closed } = taken({ opcode: CLOSE, payload: closing(1000, reason) });
    assertEquals(closed, { code: 1000, reason, isFault: false });
  }
  const wrong = [
    [0x80],
    [0xc0, 0xaf], // overlong
    [0xe0, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xed, 0xa0, 0x80], // a surrogate
    [0xf4, 0x90, 0x80, 0x80], // beyond U+10FFFF
    [0x6f, 0x6b, 0xce], // cut off
    [0xff],
  ];
  for (const reason of wrong) {
    fault(1007, { opcode: CLOSE, payload: closing(1000, new Uint8Array(reason)) });
  }
});

Deno.test("7: status codes that may travel are taken", () => {
  const codes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
  for (const code of [...codes, 3000, 3999, 4000, 4999]) {
    const { closed } = taken({ opcode: CLOSE, payload: closing(code) });
    assertEquals(closed, { code, reason: "", isFault: false });
  }
  assertEquals(taken({ opcode: CLOSE }).closed, { code: 1005, reason: "", isFault: false });
  const reason = "r".repeat(123);
  const { closed } = taken({ opcode: CLOSE, payload: closing(1000, reason) });
  assertEquals(closed, { code: 1000, reason, isFault: false });
});

Deno.test("7: status codes that may not, half a code and a reason too long are refused", () => {
  const codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
  for (const code of codes) fault(1002, { opcode: CLOSE, payload: closing(code) });
  fault(1002, { opcode: CLOSE, payload: new Uint8Array([3]) });
  fault(1002, { opcode: CLOSE, payload: closing(1000, "r".repeat(124)) });
});

Deno.test("7: nothing after a close frame counts: no data, no ping, no second close, no fault", () => {
  const { data, pongs, closed } = taken(
    { payload: bytes(3) },
    { opcode: CLOSE, payload: closing(1001, "first") },
    { payload: bytes(3) },
    { opcode: PING },
    { opcode: CLOSE, payload: closing(1000) },
    { opcode: 3 },
  );
  assertEquals([data, pongs], [bytes(3), []]);
  assertEquals(closed, { code: 1001, reason: "first", isFault: false });
});

Deno.test("7: a close within a message in fragments closes", () => {
  const { data, closed } = taken({ payload: bytes(3), fin: false }, { opcode: CLOSE });
  assertEquals([data, closed?.isFault], [bytes(3), false]);
});

Deno.test("7: this side closes once, sends nothing afterwards and answers no ping", () => {
  for (const side of SIDES) {
    const codec = new WebSocketCodec(side);
    const [close] = readFrames(codec.close(1000, "done"));
    assertEquals([close?.opcode, close?.payload], [CLOSE, closing(1000, "done")]);
    assertEquals([codec.close(), codec.send(bytes(3)), codec.hasSentClose], [
      new Uint8Array(0),
      new Uint8Array(0),
      true,
    ]);
    const received = codec.receive(framesFor(side, [{ opcode: PING }, { payload: bytes(2) }]));
    assertEquals([received.pongs, received.closed], [[], undefined]);
  }
});

Deno.test("7: a close without a code is answered by one without a code", () => {
  assertEquals(readFrames(new WebSocketCodec("server").close(1005))[0]?.payload, new Uint8Array(0));
});

Deno.test("9: a message of 16 MiB comes through, in one frame and in fragments of 64 bytes to 1 MiB", () => {
  const whole = new Uint8Array(16 << 20).fill(0x2a);
  for (const side of SIDES) {
    for (const piece of [16 << 20, 1 << 20, 64]) {
      // Fragments of 64 bytes of a whole message take too long to build by the slow encoder of this test.
      const total = piece === 64 ? 64 << 10 : whole.length;
      const shapes: FrameShape[] = [];
      for (let at = 0; at < total; at += piece) {
        const opcode = at === 0 ? 2 : CONTINUATION;
        shapes.push({
          opcode,
          payload: whole.subarray(at, at + piece),
          fin: at + piece >= total,
          length: BigInt(piece),
        });
      }
      const codec = new WebSocketCodec(side);
      let count = 0;
      for (const shape of shapes) {
        const sent = fastFrame(side, shape);
        for (let at = 0; at < sent.length; at += 65_536) {
          const { data, closed } = codec.receive(sent.slice(at, at + 65_536));
          assertEquals(closed, undefined);
          assert(data.every((byte) => byte === 0x2a));
          count += data.length;
        }
      }
      assertEquals(count, total);
    }
  }
});

/** A frame of equal bytes: `framesFor()` spreads payloads, which 16 MiB are too many for. */
function fastFrame(side: Side, shape: FrameShape): Bytes {
  const payload = shape.payload!;
  const header = framesFor(side, [{ ...shape, payload: new Uint8Array(0) }]);
  const mask = side === "server" ? header.slice(-4) : new Uint8Array(4);
  const sent = new Uint8Array(header.length + payload.length);
  sent.set(header);
  for (let i = 0; i < payload.length; i++) sent[header.length + i] = payload[i]! ^ mask[i % 4]!;
  return sent;
}

Deno.test("9: a payload is passed on as it arrives, however long its frame says it is", () => {
  for (const side of SIDES) {
    const codec = new WebSocketCodec(side);
    const length = 2n ** 53n - 1n;
    const start = framesFor(side, [{ payload: bytes(20), length }]);
    assertEquals(codec.receive(start).data, bytes(20));
    assertEquals(codec.receive(new Uint8Array(1000)).data.length, 1000);
  }
});

Deno.test("9: lengths beyond 2^53 and 2^63, and those that are not in their shortest form, are refused", () => {
  fault(1009, { length: 2n ** 53n });
  fault(1002, { length: 2n ** 63n });
  for (const length of [0n, 1n, 125n]) fault(1002, { length, lengthBytes: 2 });
  for (const length of [0n, 126n, 65_535n]) fault(1002, { length, lengthBytes: 8 });
});

Deno.test("10: a message in 1,300 fragments comes through", () => {
  const whole = bytes(65_536);
  const shapes = Array.from({ length: 1300 }, (_, i) => ({
    opcode: i === 0 ? 2 : CONTINUATION,
    payload: whole.subarray(i * 51, i === 1299 ? whole.length : i * 51 + 51),
    fin: i === 1299,
  }));
  assertEquals(taken(...shapes).data, whole);
});

Deno.test("a server refuses frames that are not masked, a client those that are", () => {
  const mask = new Uint8Array([1, 2, 3, 4]);
  for (const opcode of [2, PING, CLOSE]) {
    const bare = framesFor("server", [{ opcode, mask: undefined }]);
    assertEquals(new WebSocketCodec("server").receive(bare).closed?.code, 1002);
    const masked = framesFor("client", [{ opcode, mask }]);
    assertEquals(new WebSocketCodec("client").receive(masked).closed?.code, 1002);
  }
});

Deno.test("each side receives what the other sends, and a client's masks differ from frame to frame", () => {
  const client = new WebSocketCodec("client");
  const server = new WebSocketCodec("server");
  for (const length of [0, 1, 125, 126, 65_535, 65_536]) {
    const up = client.send(bytes(length));
    assertEquals(readFrames(up), [{ opcode: 2, fin: true, masked: true, payload: bytes(length) }]);
    assertEquals(server.receive(up).data, bytes(length));
    const down = server.send(bytes(length));
    assertEquals(down.length, length + (length > 65_535 ? 10 : length > 125 ? 4 : 2));
    assertEquals(client.receive(down).data, bytes(length));
  }
  assertNotEquals(client.send(bytes(8)), client.send(bytes(8)));
});

Deno.test("frames are counted where they begin", () => {
  const codec = new WebSocketCodec("client");
  const all = framesFor("client", [{ payload: bytes(4) }, { opcode: PING }, { payload: bytes(0) }]);
  assertEquals(codec.receive(all.slice(0, 4)).frames, 1);
  assertEquals(codec.receive(all.slice(4)).frames, 2);
});

Deno.test("the key of a handshake is answered as RFC 6455 says", async () => {
  assertEquals(await acceptFor("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert(isKey("dGhlIHNhbXBsZSBub25jZQ=="));
  assert(isKey(makeKey()));
  assertNotEquals(makeKey(), makeKey());
  for (const wrong of ["", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ=", "!".repeat(22) + "=="]) {
    assertEquals(isKey(wrong), false, wrong);
  }
});
