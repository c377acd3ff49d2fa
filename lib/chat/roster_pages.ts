/**
 * The roster as it travels to newcomers, kept encoded.
 *
 * A room of a thousand has a roster of more than a megabyte, and a thousand newcomers each get it. Encoded
 * anew for each it would be the most that a relay ever allocates; so the listings are encoded once, one
 * behind the other, and every newcomer is sent views of the same bytes.
 *
 * @module
 */

import { type Bytes, ByteWriter } from "./bytes.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";
import { BOUND, KIND } from "./kind.ts";
import { encodeListing, type Listing } from "./wire.ts";

/** What stands before the listings of a page: own number, last or not, how many follow. */
const PAGE_HEAD_BYTES = 11;
/** The most that the listings of one page take, in bytes. */
const BLOCK_BYTES = BOUND.control - PAGE_HEAD_BYTES;
/** What the first page has room for at first, in bytes: in a small room, who leaves has it made anew each time. */
const FIRST_BYTES = 4 << 10;

/** The listings of one page. What has been sent of it is never written again: it only grows. */
interface Block {
  buffer: Bytes;
  length: number;
  count: number;
}

/** Listings in the order of joining, as pages. */
export class RosterPages {
  readonly #blocks: Block[] = [];

  /** Starts with those who are there. */
  constructor(listings: Iterable<Listing> = []) {
    for (const listing of listings) this.add(listing);
  }

  /** Adds the newest. */
  add(listing: Listing): void {
    const bytes = encodeListing(listing);
    const block = this.#blockFor(bytes.length);
    block.buffer.set(bytes, block.length);
    block.length += bytes.length;
    block.count += 1;
  }

  #blockFor(size: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length + size <= BLOCK_BYTES) {
      makeRoom(last, size);
      return last;
    }
    const room = last === undefined ? FIRST_BYTES : BLOCK_BYTES;
    const block = { buffer: new Uint8Array(Math.max(room, size)), length: 0, count: 0 };
    this.#blocks.push(block);
    return block;
  }

  /**
   * The `roster` frames for a newcomer.
   *
   * @param number The membership number that its joining makes.
   * @returns The bytes to send, in pieces that are not changed afterwards; a frame may take two of them.
   */
  pages(number: number): Bytes[] {
    if (this.#blocks.length === 0) return [pageHead(number, true, 0, 0)];
    return this.#blocks.flatMap(({ buffer, length, count }, i) => {
      const last = i === this.#blocks.length - 1;
      return [pageHead(number, last, count, length), buffer.subarray(0, length)];
    });
  }
}

/** Has a block take so many bytes more. Its old buffer stays as it is: it may have been sent. */
function makeRoom(block: Block, size: number): void {
  const { buffer, length } = block;
  if (length + size <= buffer.length) return;
  block.buffer = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(2 * buffer.length, length + size)));
  block.buffer.set(buffer.subarray(0, length));
}

function pageHead(number: number, last: boolean, count: number, length: number): Bytes {
  return new ByteWriter(FRAME_HEADER_BYTES + PAGE_HEAD_BYTES)
    .u32(1 + PAGE_HEAD_BYTES + length).u8(KIND.roster)
    .u64(number).u8(last ? 1 : 0).u16(count).finish();
}
