// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
// @ts-types="../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import { type Bytes, utf8 } from "../../lib/base/bytes.ts";
import {
  encodeResponse,
  encodeUpgrade,
  HeadReader,
  HttpError,
  type HttpRequest,
  MAX_FIELDS,
  MAX_HEAD_BYTES,
  readRequest,
  readResponse,
  refusal,
} from "../../lib/net/http.ts";

function request(...lines: readonly string[]): HttpRequest {
  return readRequest(utf8(lines.map((line) => `${line}\r\n`).join("") + "\r\n"));
}

function refused(status: number, ...lines: readonly string[]): void {
  const error = assertThrows(() => request(...lines), HttpError);
  assertEquals(error.status, status, `${lines[0]}: ${error.message}`);
  assertEquals(error.message.includes("\n"), false);
}

/** Gives a head to a reader in pieces of a size; returns the head and what follows. */
function collect(bytes: Bytes, size: number): [head: string, rest: string] | undefined {
  const reader = new HeadReader();
  for (let at = 0; at < bytes.length; at += size) {
    const whole = reader.push(bytes.subarray(at, at + size));
    if (whole === undefined) continue;
    const rest = concat([whole.rest, bytes.subarray(at + size)]);
    return [new TextDecoder().decode(whole.head), new TextDecoder().decode(rest)];
  }
  return undefined;
}

Deno.test("HeadReader cuts a head off, however it arrives and whichever line ends it has", () => {
  for (const end of ["\r\n\r\n", "\n\n", "\n\r\n"]) {
    const head = `GET / HTTP/1.1\r\nHost: a${end}`;
    const bytes = utf8(`${head}rest\r\n\r\n`);
    for (const size of [1, 2, 3, 5, 7, 64]) {
      assertEquals(collect(bytes, size), [head, "rest\r\n\r\n"], `pieces of ${size}`);
    }
  }
  assertEquals(collect(utf8("GET / HTTP/1.1\r\nHost: a\r\n"), 4), undefined);
});

Deno.test("HeadReader takes a head of 8 KiB and refuses a longer one with 431, complete or not", () => {
  const start = "GET / HTTP/1.1\r\nX: ";
  const head = (length: number) => utf8(start + "x".repeat(length - start.length - 4) + "\r\n\r\n");
  for (const size of [1, 1000, MAX_HEAD_BYTES + 1]) {
    assertEquals(collect(head(MAX_HEAD_BYTES), size)?.[0].length, MAX_HEAD_BYTES);
    for (const bytes of [head(MAX_HEAD_BYTES + 1), utf8(start + "x".repeat(MAX_HEAD_BYTES))]) {
      const error = assertThrows(() => collect(bytes, size), HttpError);
      assertEquals(error.status, 431);
    }
  }
});

Deno.test("HeadReader returns all that follows a head in a large chunk", () => {
  const body = "b".repeat(50_000);
  assertEquals(collect(utf8(`GET / HTTP/1.1\r\n\r\n${body}`), 60_000)?.[1], body);
});

Deno.test("readRequest() reads the method, the path, the host and the fields", () => {
  const got = request("GET /a%20b?q=1 HTTP/1.1", "hOsT: chat.example:80", "X: \t one ", "x:two");
  assertEquals([got.method, got.path, got.host, got.isOld], [
    "GET",
    "/a%20b",
    "chat.example:80",
    false,
  ]);
  assertEquals(got.fields.all("x"), ["one", "two"]);
  assertEquals(got.fields.only("x"), undefined);
  assertEquals(got.fields.only("host"), "chat.example:80");
});

Deno.test("readRequest() takes a URL as a target, whose host counts", () => {
  const got = request("GET http://real.example:81/x HTTP/1.1", "Host: other.example");
  assertEquals([got.path, got.host], ["/x", "real.example:81"]);
  assertEquals(request("GET http://real.example HTTP/1.1", "Host: a").path, "/");
});

Deno.test("readRequest() takes HTTP/1.0 without a host, and then has none", () => {
  const got = request("GET / HTTP/1.0");
  assertEquals([got.isOld, got.host], [true, ""]);
});

Deno.test("readRequest() finds tokens in lists, in every case and in several fields", () => {
  const { fields } = request(
    "GET / HTTP/1.1",
    "Host: a",
    "Connection: keep-alive,  UPGRADE",
    "Connection: x",
  );
  assertEquals(
    ["upgrade", "x", "keep-alive", "keep"].map((one) => fields.lists("connection", one)),
    [
      true,
      true,
      true,
      false,
    ],
  );
});

Deno.test("readRequest() and readResponse() take 100 fields, and refuse more with 431, before they look at any", () => {
  const fields = (count: number, line = "x:") => Array<string>(count).fill(line);
  const most = ["Host: a", ...fields(MAX_FIELDS - 1)];
  assertEquals(MAX_FIELDS, 100);
  assertEquals(request("GET / HTTP/1.1", ...most).fields.all("x").length, 99);
  refused(431, "GET / HTTP/1.1", ...most, "x:");
  refused(431, "GET / HTTP/1.1", ...fields(2_700, "not a field"));
  const response = utf8(`HTTP/1.1 200 OK\r\n${"x:\r\n".repeat(MAX_FIELDS + 1)}\r\n`);
  assertEquals(assertThrows(() => readResponse(response), HttpError).status, 431);
});

Deno.test("readRequest() refuses what is no request with 400", () => {
  const host = "Host: a";
  const lines = [
    ...[
      "GET /",
      "GET",
      "",
      "GET  / HTTP/1.1",
      "GET / HTTP/1.1 ",
      "GET / HTTP/1.1 x",
      " / HTTP/1.1",
    ],
    ...["G@T / HTTP/1.1", "GET\t/ HTTP/1.1", "GET / HTTP/11", "GET / http/1.1", "GET / HTTP/1.1\r"],
    ...["GET a HTTP/1.1", "GET * HTTP/1.1", "GET /\u00e9 HTTP/1.1", "GET ftp://a/ HTTP/1.1"],
    "GET /\u0000 HTTP/1.1",
  ];
  for (const line of lines) refused(400, line, host);
  const fields = ["X", ": x", "X : x", " X: x", "X: a\u0000b", "X: a\rb", "\tfolded", "X: \u007f"];
  for (const field of fields) refused(400, "GET / HTTP/1.1", host, field);
});

Deno.test("readRequest() refuses no host and two hosts with 400", () => {
  refused(400, "GET / HTTP/1.1");
  refused(400, "GET / HTTP/1.1", "Host: a", "Host: a");
});

Deno.test("readRequest() refuses another version with 505", () => {
  refused(505, "PRI * HTTP/2.0");
  refused(505, "GET / HTTP/0.9", "Host: a");
  refused(505, "GET / HTTP/3.0", "Host: a");
});

Deno.test("encodeResponse() says its length and that the connection ends; HEAD leaves the content out", () => {
  const date = new Date(Date.UTC(1994, 10, 6, 8, 49, 37));
  const response = { status: 200, headers: [["X", "y"]], body: utf8("hello\n") } as const;
  const head = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: y\r\n" +
    "Content-Length: 6\r\nConnection: close\r\n\r\n";
  assertEquals(encodeResponse(response, { date }), utf8(`${head}hello\n`));
  assertEquals(encodeResponse(response, { date, head: true }), utf8(head));
  const switching = encodeResponse({ status: 101, headers: [] }, { date });
  assertEquals(
    switching,
    utf8("HTTP/1.1 101 Switching Protocols\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
  );
});

Deno.test("refusal() is one line of text that no browser shows as a page", () => {
  const { status, headers, body } = refusal(new HttpError(405, "use GET", [["Allow", "GET"]]));
  const fields = Object.fromEntries(headers);
  assertEquals([status, body, fields["Allow"]], [405, utf8("use GET\n"), "GET"]);
  assertEquals(fields["Content-Type"], "text/plain; charset=utf-8");
  assertEquals(fields["X-Content-Type-Options"], "nosniff");
});

Deno.test("readResponse() reads a status line and fields, and nothing else", () => {
  const read = (text: string) => readResponse(utf8(text));
  const { status, reason, fields } = read("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
  assertEquals([status, reason, fields.only("a")], [404, "Not Found", "b"]);
  assertEquals(read("HTTP/1.0 200\r\n\r\n").status, 200);
  for (
    const wrong of ["SSH-2.0-x\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/2 200\r\n\r\n", "\n\n"]
  ) {
    assertThrows(() => read(wrong), HttpError);
  }
});

Deno.test("encodeUpgrade() is a request that asks for a WebSocket", () => {
  const { method, path, host, fields } = readRequest(encodeUpgrade("a.example", "/x/chat", "key"));
  assertEquals([method, path, host], ["GET", "/x/chat", "a.example"]);
  assertEquals([fields.lists("upgrade", "websocket"), fields.lists("connection", "upgrade")], [
    true,
    true,
  ]);
  assertEquals(fields.only("sec-websocket-key"), "key");
  assertEquals(fields.all("origin"), []);
});
