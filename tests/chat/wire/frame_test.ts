// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { encodeFrame, FrameError, FrameReader } from "../../../lib/chat/wire/frame.ts";

const BOUND = 300;
const anyKind = () => BOUND;

interface Plain {
  kind: number;
  payload: number[];
}

/** Pushes a stream in pieces and copies what comes out, since frames are views. */
function readAll(pieces: readonly Bytes[]): Plain[] {
  const reader = new FrameReader(anyKind);
  const frames: Plain[] = [];
  for (const piece of pieces) {
    for (const { kind, payload } of reader.push(piece)) {
      frames.push({ kind, payload: [...payload] });
    }
  }
  assertEquals(reader.held, 0, "nothing of a whole stream is kept");
  return frames;
}

function glue(pieces: readonly Uint8Array[]): Bytes {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

const FRAMES = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 255 }),
    payload: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: BOUND }),
  }),
  { maxLength: 8 },
);

Deno.test("FrameReader reads the same frames however a stream is cut", () => {
  fc.assert(fc.property(FRAMES, fc.array(fc.nat(), { maxLength: 40 }), (frames, marks) => {
    const stream = glue(frames.map((f) => encodeFrame(f.kind, new Uint8Array(f.payload))));
    const cuts = [...new Set(marks.map((m) => m % (stream.length + 1)))].sort((a, b) => a - b);
    const pieces = [0, ...cuts].map((from, i) => stream.slice(from, cuts[i] ?? stream.length));
    assertEquals(readAll(pieces), frames);
  }));
});

Deno.test("FrameReader reads two frames split at every byte position, and byte by byte", () => {
  const frames = [{ kind: 1, payload: [1, 2, 3] }, { kind: 17, payload: [] }];
  const stream = glue(frames.map((f) => encodeFrame(f.kind, new Uint8Array(f.payload))));
  for (let cut = 0; cut <= stream.length; cut++) {
    assertEquals(readAll([stream.slice(0, cut), stream.slice(cut)]), frames, `cut at ${cut}`);
  }
  assertEquals(readAll([...stream].map((byte) => new Uint8Array([byte]))), frames);
});

Deno.test("FrameReader refuses a length over the bound of its kind at the header", () => {
  const reader = new FrameReader((kind) => kind === 7 ? 10 : 1000);
  assertEquals([...reader.push(new Uint8Array([0, 0, 0, 12]))], []);
  const error = assertThrows(() => [...reader.push(new Uint8Array([7]))], FrameError);
  assertEquals(error.code, "FRAME_TOO_LARGE");
});

Deno.test("FrameReader keeps nothing for a length that is only announced", () => {
  const reader = new FrameReader(() => 1 << 20);
  assertEquals([...reader.push(new Uint8Array([0, 0x10, 0, 0, 9, 1, 2, 3]))], []);
  assertEquals(reader.held, 8);
});

Deno.test("FrameReader refuses a frame without a kind, and a kind that has no place", () => {
  const empty = assertThrows(
    () => [...new FrameReader(anyKind).push(new Uint8Array(5))],
    FrameError,
  );
  assertEquals(empty.code, "FRAME_EMPTY");
  const unknown = assertThrows(
    () => [...new FrameReader(() => undefined).push(encodeFrame(3, new Uint8Array(0)))],
    FrameError,
  );
  assertEquals(unknown.code, "FRAME_UNKNOWN");
});

Deno.test("FrameReader returns the frames before a bad one", () => {
  const reader = new FrameReader((kind) => kind === 1 ? 8 : undefined);
  const stream = glue([encodeFrame(1, new Uint8Array([5])), encodeFrame(2, new Uint8Array(0))]);
  const frames = reader.push(stream);
  assertEquals(frames.next().value?.kind, 1);
  assertThrows(() => frames.next(), FrameError);
});
