// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type Bytes, ByteWriter } from "../../../lib/base/bytes.ts";
import { NO_RENEWAL } from "../../../lib/chat/identity/credential.ts";
import { RosterPages } from "../../../lib/chat/relay/member.ts";
import { type Listing, readRosterPage, type RosterPage } from "../../../lib/chat/wire/control.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import { BOUND, KIND } from "../../../lib/chat/wire/kinds.ts";

function renewal(number: number): Bytes {
  return new ByteWriter().u64(number).block16(new Uint8Array(256).fill(number + 2)).finish();
}

function listing(number: number, size = 1200): Listing {
  return {
    number,
    credential: new Uint8Array(size).fill(number),
    renewal: number % 3 === 0 ? NO_RENEWAL : renewal(number),
  };
}

/** Reads pieces as a member does, within the bounds of a frame. */
function read(pieces: readonly Uint8Array<ArrayBuffer>[]): RosterPage[] {
  const reader = new FrameReader((kind) => kind === KIND.roster ? BOUND.control : undefined);
  const pages = [];
  for (const piece of pieces) {
    for (const { payload } of reader.push(piece)) pages.push(readRosterPage(payload.slice()));
  }
  assertEquals(reader.held, 0);
  return pages;
}

const ROOM = new Uint8Array(32).fill(1);
const CONTEXT = new Uint8Array(32).fill(2);

Deno.test("the roster of an empty room is one last page without listings", () => {
  const page = { room: ROOM, version: 0, context: CONTEXT, last: true, listings: [] };
  assertEquals(read(new RosterPages().snapshot(ROOM, 0)(CONTEXT)), [page]);
});

Deno.test("a large roster travels as pages within their bound, in the order of joining", () => {
  const listings = Array.from({ length: 250 }, (_, i) => listing(i, 1000 + i % 7));
  const pages = read(new RosterPages(listings).snapshot(ROOM, 251)(CONTEXT));
  assert(pages.length > 3);
  assertEquals(pages.map(({ last }) => last), pages.map((_, i) => i === pages.length - 1));
  assert(pages.every(({ version }) => version === 251));
  assertEquals(pages.flatMap((page) => page.listings), listings);
});

Deno.test("a roster that was handed out stays as it was while it grows", () => {
  const roster = new RosterPages([listing(1)]);
  const early = roster.snapshot(ROOM, 1);
  const sent = early(CONTEXT);
  const before = sent.map((piece) => piece.slice());
  for (let number = 2; number < 120; number++) roster.add(listing(number));
  assertEquals([sent, early(CONTEXT)], [before, before]);
  const now = read(roster.snapshot(ROOM, 119)(CONTEXT));
  assertEquals(now.flatMap((page) => page.listings).length, 119);
});
