/**
 * Everything that reads what a browser, a proxy or a web server sent.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import { type Bytes, utf8 } from "../../lib/base/bytes.ts";
import type { DuplexLink, LinkReceiver } from "../../lib/chat/link.ts";
import { WebSite } from "../../lib/chat/runtime/web_server.ts";
import {
  HeadReader,
  HttpError,
  MAX_HEAD_BYTES,
  readRequest,
  readResponse,
} from "../../lib/net/http.ts";
import { type Closed, type Side, WebSocketCodec } from "../../lib/net/websocket.ts";
import { closing, framesFor } from "../net/websocket_frames.ts";
import { nearly } from "./arbitraries.ts";
import { asyncTarget, type Target, target } from "./target.ts";

const SHAPES = [
  [{ payload: utf8("parley") }],
  [{ payload: utf8("one"), fin: false }, { opcode: 9, payload: utf8("p") }, { opcode: 0 }],
  [{ payload: new Uint8Array(300) }, { opcode: 8, payload: closing(1000, "bye") }],
  [{ opcode: 1, payload: utf8("text") }],
  [{ payload: utf8("long"), length: 70_000n }],
];

const FRAMES: Readonly<Record<Side, readonly Bytes[]>> = {
  client: SHAPES.map((shapes) => framesFor("client", shapes)),
  server: SHAPES.map((shapes) => framesFor("server", shapes)),
};

const HOST = "Host: localhost:4396\r\n";
const UPGRADE = `GET /chat HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const REQUESTS: readonly Bytes[] = [
  `GET / HTTP/1.1\r\n${HOST}\r\n`,
  `HEAD /garden?x=1 HTTP/1.1\n${HOST}Accept-Encoding: gzip\n\n`,
  "GET http://127.0.0.1/ HTTP/1.0\r\n\r\n",
  `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`,
  `GET / HTTP/1.1\r\n${HOST}X: ${"x".repeat(MAX_HEAD_BYTES)}\r\n\r\n`,
  UPGRADE,
].map(utf8);
const RESPONSES: readonly Bytes[] = [
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "HTTP/1.0 404 Not Found\nContent-Type: text/plain\n\nno\n",
].map(utf8);

/** Cuts bytes at places that are shares of the whole. */
function cut(bytes: Bytes, shares: readonly number[]): Bytes[] {
  const places = shares.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b);
  const ends = [...places, bytes.length];
  return ends.map((end, i) => bytes.slice(i === 0 ? 0 : ends[i - 1], end))
    .filter(({ length }) => length > 0);
}

function inPieces(samples: readonly Bytes[]): fc.Arbitrary<{ bytes: Bytes; pieces: Bytes[] }> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  return fc.tuple(nearly(samples), fc.array(share, { maxLength: 6 }))
    .map(([bytes, shares]) => ({ bytes, pieces: cut(bytes, shares) }));
}

/** What a side of a WebSocket makes of chunks. */
function takeFrames(side: Side, chunks: readonly Bytes[]) {
  // Equal masks, so that two results are comparable.
  const codec = new WebSocketCodec(side, (length) => new Uint8Array(length));
  const data: Bytes[] = [];
  const pongs: Bytes[] = [];
  let closed: Closed | undefined;
  for (const chunk of chunks) {
    const received = codec.receive(chunk.slice());
    assert(received.data.length <= chunk.length);
    data.push(received.data.slice());
    pongs.push(...received.pongs);
    closed = received.closed;
  }
  return { data: concat(data), pongs, closed };
}

/** The head and what follows it, or the status of the refusal; undefined if the head is not complete. */
function takeHead(chunks: readonly Bytes[]) {
  const reader = new HeadReader();
  try {
    for (const [i, chunk] of chunks.entries()) {
      const whole = reader.push(chunk);
      if (whole === undefined) continue;
      assert(whole.head.length <= MAX_HEAD_BYTES);
      return { head: whole.head, rest: concat([whole.rest, ...chunks.slice(i + 1)]) };
    }
    return undefined;
  } catch (error) {
    return answered(error);
  }
}

function answered(error: unknown): { readonly status: number } {
  if (!(error instanceof HttpError)) throw error;
  assertMatch(error.message, /^[ -~]+$/);
  return { status: error.status };
}

/** The connection below a relay's link; it records what is sent, and closes with the relay's end. */
class Wire implements DuplexLink {
  readonly waiting = 0;
  readonly sent: Bytes[] = [];
  receiver: LinkReceiver | undefined;
  isOpen = true;

  open(receiver: LinkReceiver): void {
    this.receiver = receiver;
  }

  send(bytes: Bytes): void {
    this.sent.push(bytes);
  }

  end(): void {
    this.isOpen = false;
  }

  endWriting(): void {}

  close(): void {
    this.isOpen = false;
  }
}

/** Everything that reads what came by HTTP and WebSocket. */
export const WEB_TARGETS: readonly Target[] = [
  target(
    "websocket-frames",
    () =>
      fc.constantFrom<Side>("client", "server")
        .chain((side) => inPieces(FRAMES[side]).map((input) => ({ side, ...input }))),
    ({ side, bytes, pieces }) => {
      const whole = takeFrames(side, [bytes]);
      assertEquals(takeFrames(side, pieces), whole);
      for (const pong of whole.pongs) assert(pong.length <= 125 + 6);
      if (whole.closed?.isFault) assertMatch(whole.closed.reason, /^[ -~]+$/);
    },
  ),
  target("http-head", () => inPieces(REQUESTS), ({ bytes, pieces }) => {
    const whole = takeHead([bytes]);
    assertEquals(takeHead(pieces), whole);
    if (whole === undefined || "status" in whole) return;
    try {
      const { path, method } = readRequest(whole.head);
      assertMatch(path, /^\/[\x21-\x7e]*$/);
      assertMatch(method, /^[!-~]+$/);
    } catch (error) {
      answered(error);
    }
  }),
  target("http-response", () => inPieces(RESPONSES), ({ pieces }) => {
    const whole = takeHead(pieces);
    if (whole === undefined || "status" in whole) return;
    try {
      const { status } = readResponse(whole.head);
      assert(status >= 0 && status <= 999);
    } catch (error) {
      answered(error);
    }
  }),
  asyncTarget(
    "web-connection",
    () => inPieces([...REQUESTS, ...FRAMES.server.map((bytes) => concat([utf8(UPGRADE), bytes]))]),
    async ({ pieces }) => {
      const site = await WebSite.make({ page: "<p>", names: [], origins: [] });
      const wire = new Wire();
      const link = site.wrap(wire, false);
      let isChat = false;
      const receive = () => {
        isChat = true;
        return undefined;
      };
      link.open({ receive, disconnected: () => {} });
      for (const piece of pieces) if (wire.isOpen) await wire.receiver!.receive(piece.slice());
      const said = new TextDecoder().decode(wire.sent[0]);
      if (said !== "") assertMatch(said, /^HTTP\/1\.1 \d{3} /);
      const isWeb = /^[A-Z]/.test(new TextDecoder("latin1").decode(pieces[0]));
      assertEquals(isChat && isWeb, isChat && said.startsWith("HTTP/1.1 101 "));
      wire.receiver!.disconnected();
    },
  ),
];
