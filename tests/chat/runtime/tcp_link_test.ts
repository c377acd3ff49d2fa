// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertInstanceOf } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { guardLink, type LinkReceiver } from "../../../lib/chat/link.ts";
import { type TcpConnection, TcpLink } from "../../../lib/chat/runtime/tcp.ts";

/** A connection whose other side a test plays. */
class FakeConnection {
  /** What was written, as the writes took it. */
  readonly written: Bytes[] = [];
  /** The buffers that were read into. */
  readonly buffers: Bytes[] = [];
  /** What the next reads bring, in bytes each; then the end. */
  reads: number[] = [];
  /** How much of so many bytes a write takes. */
  takes: (length: number) => number = (length) => length;
  /** A write waits for this. */
  held: Promise<void> | undefined;
  closed = false;

  async write(bytes: Uint8Array): Promise<number> {
    await this.held;
    const taken = this.takes(bytes.length);
    this.written.push(bytes.slice(0, taken));
    return taken;
  }

  read(buffer: Bytes): Promise<number | null> {
    this.buffers.push(buffer);
    const next = this.reads.shift();
    return Promise.resolve(next === undefined ? null : Math.min(next, buffer.length));
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}

function linkTo(conn: FakeConnection): TcpLink {
  return new TcpLink(conn as unknown as TcpConnection);
}

/** Reads until the link is disconnected. */
function readAll(link: TcpLink, receive: LinkReceiver["receive"]): Promise<string | undefined> {
  return new Promise((resolve) => link.open({ receive, disconnected: resolve }));
}

function bytes(from: number, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => (from + i) % 251);
}

/** Lets what is ready run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a link writes at once, and together what waits behind a write", async () => {
  const conn = new FakeConnection();
  const link = linkTo(conn);
  const { promise, resolve } = Promise.withResolvers<void>();
  conn.held = promise;
  const pieces = [bytes(0, 10), bytes(10, 20), bytes(30, 30)];
  for (const piece of pieces) link.send(piece);
  assertEquals(link.waiting, 20 + 30 + 2 * 64);
  resolve();
  await turn();
  assertEquals(conn.written.map(({ length }) => length), [10, 50]);
  assertEquals(concat(conn.written), concat(pieces));
  assertEquals(link.waiting, 0);
  link.send(bytes(60, 5));
  await turn();
  assertEquals([conn.written.length, link.waiting], [3, 0]);
});

Deno.test("a link continues after a partial write in order, and counts the waiting bytes", async () => {
  const conn = new FakeConnection();
  conn.takes = (length) => Math.ceil(length / 2);
  const link = linkTo(conn);
  const pieces = Array.from({ length: 40 }, (_, i) => bytes(i * 100, 100));
  for (const [i, piece] of pieces.entries()) {
    link.send(piece);
    if (i % 7 === 0) await turn();
  }
  link.send(bytes(4000, 40_000)); // large: goes as it is
  link.send(bytes(44_000, 1));
  await turn();
  assertEquals(concat(conn.written), bytes(0, 44_001));
  assertEquals(link.waiting, 0);
});

Deno.test("one piece that waits is no longer counted once it is being written", async () => {
  const conn = new FakeConnection();
  const link = linkTo(conn);
  for (let i = 0; i < 3; i++) {
    link.send(bytes(0, 8));
    link.send(bytes(8, 8));
    assertEquals(link.waiting, 8 + 64);
    await turn();
    assertEquals(link.waiting, 0);
  }
  assertEquals(concat(conn.written), concat([0, 1, 2].map(() => bytes(0, 16))));
});

Deno.test("a link ends once what was sent has gone", async () => {
  const conn = new FakeConnection();
  const link = linkTo(conn);
  link.send(bytes(0, 8));
  link.send(bytes(8, 8));
  link.end();
  link.send(bytes(16, 8));
  assertEquals(conn.closed, false);
  await turn();
  assertEquals([concat(conn.written), conn.closed], [bytes(0, 16), true]);
});

Deno.test("the buffer of a link grows with what comes, shrinks with what does not, and is given back", async () => {
  const conn = new FakeConnection();
  conn.reads = [...Array<number>(7).fill(1 << 20), ...Array<number>(17 * 6).fill(10)];
  let received = 0;
  await readAll(linkTo(conn), (chunk) => {
    received += chunk.length;
    return undefined;
  });
  const sizes = [...new Set(conn.buffers)];
  const KIB = 1024;
  // Each is detached when the next takes its place, and the last at the end.
  assertEquals(sizes.map(({ length }) => length), sizes.map(() => 0));
  assertEquals(sizes.length, 11);
  assertEquals(received, (2 + 4 + 8 + 16 + 32 + 64 + 64) * KIB + 17 * 6 * 10);
  assertEquals(conn.closed, true);
});

Deno.test("a connection whose methods throw, at once or later, is over, and nothing is thrown", async () => {
  const breaks = () => {
    throw new TypeError("the runtime");
  };
  const later = () => Promise.try(breaks);
  for (const method of ["write", "read", "close", "closeWrite"] as const) {
    for (const way of method === "close" ? [breaks] : [breaks, later]) {
      const conn = Object.assign(new FakeConnection(), { [method]: way });
      const link = linkTo(conn);
      let ended = 0;
      const reading = readAll(link, () => undefined).then(() => ended += 1);
      link.send(bytes(0, 10));
      link.send(bytes(0, 10));
      link.end();
      await reading;
      await turn();
      assertEquals(ended, 1, method);
      link.close();
    }
  }
});

Deno.test("a receiver that throws closes the guarded link, and the exception is reported", async () => {
  const conn = new FakeConnection();
  conn.reads = [10, 10];
  const failures: unknown[] = [];
  let ended = 0;
  const breaks = () => {
    throw new TypeError("a handler");
  };
  const link = guardLink(linkTo(conn), (error) => failures.push(error));
  link.open({
    receive: breaks,
    disconnected: () => {
      ended += 1;
      breaks();
    },
  });
  await turn();
  assertEquals([conn.closed, conn.reads.length, ended], [true, 1, 1]);
  assertEquals(failures.length, 2);
  for (const failure of failures) assertInstanceOf(failure, TypeError, "a handler");
});

Deno.test("a guarded link names the link behind it as its sink, unless a tap sees what is sent", () => {
  const inner = linkTo(new FakeConnection());
  const guarded = guardLink(inner, () => {});
  assertEquals([guarded.sink, guardLink(guarded, () => {}).sink], [inner, inner]);
  assertEquals(guardLink(inner, () => {}, () => {}).sink, undefined);
});

Deno.test("a pause holds the next read back until it is over, or the link is closed", async () => {
  const conn = new FakeConnection();
  conn.reads = [10, 10, 10];
  const link = linkTo(conn);
  const pauses: PromiseWithResolvers<void>[] = [];
  const reading = readAll(link, () => {
    const pause = Promise.withResolvers<void>();
    pauses.push(pause);
    return pause.promise;
  });
  await turn();
  assertEquals([pauses.length, conn.reads.length], [1, 2]);
  pauses[0]!.resolve();
  await turn();
  assertEquals([pauses.length, conn.reads.length], [2, 1]);
  link.close();
  await reading;
  assertEquals([pauses.length, conn.closed], [2, true]);
});

Deno.test("a guarded link that ends is closed two seconds later if the other side reads nothing", async () => {
  const conn = new FakeConnection();
  const { promise, resolve } = Promise.withResolvers<void>();
  conn.held = promise;
  const link = guardLink(linkTo(conn), () => {});
  link.send(bytes(0, 10));
  const timers: { call: () => void; ms: number }[] = [];
  const { setTimeout } = globalThis;
  Object.assign(globalThis, {
    setTimeout: (call: () => void, ms: number) => void timers.push({ call, ms }),
  });
  try {
    link.end();
  } finally {
    Object.assign(globalThis, { setTimeout });
  }
  assertEquals([timers.map(({ ms }) => ms), conn.closed], [[2_000], false]);
  timers[0]!.call();
  assertEquals(conn.closed, true);
  resolve();
  await promise;
});

Deno.test("a link that is closed before it is opened ends in a later turn, and reads nothing", async () => {
  const conn = new FakeConnection();
  const link = linkTo(conn);
  link.close();
  let isOver = false;
  link.open({ receive: () => undefined, disconnected: () => isOver = true });
  assertEquals(isOver, false);
  await turn();
  assertEquals([isOver, conn.buffers.length], [true, 0]);
});

Deno.test("a link that ends its writing still delivers what comes, until it is closed", async () => {
  const conn = new FakeConnection();
  const link = linkTo(conn);
  const { promise, resolve } = Promise.withResolvers<number | null>();
  let isRead = false;
  conn.read = () => {
    if (isRead) return promise;
    isRead = true;
    return Promise.resolve(3);
  };
  let ended = false;
  conn.closeWrite = () => {
    ended = true;
    return Promise.resolve();
  };
  let received = 0;
  const done = readAll(link, ({ length }) => {
    received += length;
    return undefined;
  });
  link.send(bytes(0, 8));
  link.endWriting();
  link.send(bytes(8, 8));
  await turn();
  assertEquals([concat(conn.written), ended, received, conn.closed], [bytes(0, 8), true, 3, false]);
  link.close();
  assertEquals(conn.closed, true);
  resolve(null);
  await done;
});
