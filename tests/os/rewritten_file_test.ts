/**
 * What a crash leaves of a file that is rewritten in place: a disk that forgets what was not synced.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type RandomAccess, RewrittenFile } from "../../lib/os/held_file.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Change = (bytes: Bytes) => Bytes;

/** The power fails. */
class Crash extends Error {}

/** What both files of a disk do, one after the other. */
class Disk {
  readonly file = new DiskFile(this);
  readonly undo = new DiskFile(this);
  /** How many operations are left before one fails; and with what. */
  left = Infinity;
  failure: () => Error = () => new Crash();
  /** Whether whatever follows fails, too. */
  lasting = true;
  #failed = false;
  done = 0;

  constructor(content: string, undo: Bytes = new Uint8Array(0)) {
    this.file.set(encode(content));
    this.undo.set(undo);
  }

  /** Counts an operation that changes something, before it is done. */
  count(): void {
    if (this.lasting && this.#failed) throw this.failure();
    this.done += 1;
    if (this.left-- === 0) {
      this.#failed = true;
      throw this.failure();
    }
  }

  /** Every disk that may be found after the power has failed: any of what was not synced is there or not. */
  *afterwards(): Generator<Disk> {
    for (const content of this.file.afterwards()) {
      for (const undo of this.undo.afterwards()) yield new Disk(decode(content), undo);
    }
  }

  rewritten(): RewrittenFile {
    return new RewrittenFile(this.file, this.undo, 1 << 20);
  }
}

class DiskFile implements RandomAccess {
  readonly #disk: Disk;
  #synced: Bytes = new Uint8Array(0);
  #changes: Change[] = [];
  #at = 0;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  set(bytes: Bytes): void {
    this.#synced = bytes;
    this.#changes = [];
  }

  get bytes(): Bytes {
    return this.#changes.reduce((bytes, change) => change(bytes), this.#synced);
  }

  *afterwards(): Generator<Bytes> {
    for (let mask = 0; mask < 1 << this.#changes.length; mask++) {
      yield this.#changes.filter((_, i) => (mask >> i & 1) === 1)
        .reduce((bytes, change) => change(bytes), this.#synced);
    }
  }

  seek(offset: number | bigint): Promise<number> {
    this.#at = Number(offset);
    return Promise.resolve(this.#at);
  }

  read(into: Uint8Array): Promise<number | null> {
    const piece = this.bytes.subarray(this.#at, this.#at + Math.min(into.length, 5));
    into.set(piece);
    this.#at += piece.length;
    return Promise.resolve(piece.length === 0 && into.length > 0 ? null : piece.length);
  }

  // deno-lint-ignore require-await -- so that it rejects
  async write(bytes: Uint8Array): Promise<number> {
    this.#disk.count();
    // Not all at once, and each part may reach the disk without the others.
    const piece = bytes.slice(0, Math.max(1, Math.ceil(bytes.length / 2)));
    const at = this.#at;
    this.#changes.push((before) => {
      const after = new Uint8Array(Math.max(before.length, at + piece.length));
      after.set(before);
      after.set(piece, at);
      return after;
    });
    this.#at += piece.length;
    return piece.length;
  }

  // deno-lint-ignore require-await -- so that it rejects
  async truncate(length = 0): Promise<void> {
    this.#disk.count();
    this.#changes.push((before) => {
      const after = new Uint8Array(length);
      after.set(before.subarray(0, length));
      return after;
    });
  }

  // deno-lint-ignore require-await -- so that it rejects
  async sync(): Promise<void> {
    this.#disk.count();
    this.set(this.bytes);
  }
}

const encode = (text: string): Bytes => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const REWRITES: readonly (readonly [what: string, before: string, after: string])[] = [
  ["a line is added", "ada 1\nbo 2\n", "ada 1\nbo 2\ncy 3\n"],
  ["a line in the middle is changed", "ada 1\nbo 2\ncy 3\n", "ada 1\nbo verified\ncy 3\n"],
  ["a line is taken away", "ada 1\nbo 2\ncy 3\n", "ada 1\ncy 3\n"],
  ["the first byte is another", "x\n", "yy\n"],
  ["all is taken away", "ada 1\nbo 2\n", ""],
  ["there was nothing", "", "# header\n"],
];

for (const [what, before, after] of REWRITES) {
  Deno.test(`after a crash at any moment a file is the old one or the new one: ${what}`, async () => {
    const whole = new Disk(before);
    await whole.rewritten().write(encode(before), encode(after));
    assertEquals(decode(whole.file.bytes), after);
    assertEquals(whole.undo.bytes.length, 0);
    const found = new Set<string>();
    for (let left = 0; left <= whole.done; left++) {
      const disk = new Disk(before);
      disk.left = left;
      const done = await disk.rewritten().write(encode(before), encode(after)).then(
        () => true,
        () => false,
      );
      for (const later of disk.afterwards()) {
        const peeked = decode(await later.rewritten().peek());
        const restored = decode(await later.rewritten().read());
        assert(restored === before || restored === after, `${left}: ${restored}`);
        assertEquals(peeked, restored, "who reads without the lock sees the same");
        assertEquals(later.undo.bytes.length, 0);
        if (done) assertEquals(restored, after, "what was said to be written is");
        found.add(restored);
      }
    }
    assertEquals([...found].sort(), [before, after].sort(), "both have been seen");
  });

  Deno.test(`a crash while a file is restored costs nothing either: ${what}`, async () => {
    for (let left = 0; left < 20; left++) {
      const disk = new Disk(before);
      disk.left = left;
      await disk.rewritten().write(encode(before), encode(after)).catch(() => {});
      for (const second of [...disk.afterwards()].slice(0, 16)) {
        for (let again = 0; again < 6; again++) {
          const [copy] = second.afterwards();
          copy!.left = again;
          await copy!.rewritten().read().catch(() => {});
          for (const third of copy!.afterwards()) {
            const restored = decode(await third.rewritten().read());
            assert(restored === before || restored === after, restored);
          }
        }
      }
    }
  });

  Deno.test(`one step that fails leaves a file as it was, and the next try succeeds: ${what}`, async () => {
    const whole = new Disk(before);
    await whole.rewritten().write(encode(before), encode(after));
    for (let left = 0; left < whole.done; left++) {
      const disk = new Disk(before);
      disk.left = left;
      disk.lasting = false;
      disk.failure = () => new Deno.errors.WriteZero("disk full");
      const file = disk.rewritten();
      await assertRejects(() => file.write(encode(before), encode(after)), Deno.errors.WriteZero);
      const found = await file.read();
      // Where only the sync of the file beside failed, all has been done.
      assertEquals(decode(found), left === whole.done - 1 ? after : before, `${left}`);
      await file.write(found, encode(after));
      assertEquals(decode(await file.read()), after);
    }
  });
}

Deno.test("an undo file without a valid record restores nothing", async () => {
  const old = "ada 1\n";
  for (
    const undo of [
      "x",
      "parley undo 1: from byte 0 on it had these 3, SHA-256 00\nabc",
      "\0".repeat(4096),
    ]
  ) {
    const disk = new Disk(old, encode(undo));
    assertEquals(decode(await disk.rewritten().peek()), old);
    assertEquals(decode(await disk.rewritten().read()), old);
    assertEquals(disk.undo.bytes.length, 0);
  }
});

Deno.test("a file that is too large is not read", async () => {
  const disk = new Disk("x".repeat(2000));
  const file = new RewrittenFile(disk.file, disk.undo, 1999);
  await assertRejects(() => file.read(), RangeError);
  await assertRejects(() => file.peek(), RangeError);
});
