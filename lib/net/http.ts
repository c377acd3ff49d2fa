/**
 * HTTP/1.1 (RFC 9110, RFC 9112) as far as a page and a WebSocket need it, without I/O: heads of requests and responses,
 * and responses of one connection each.
 *
 * @module
 */

import { type Bytes, concat, utf8 } from "../base/bytes.ts";

/** The most bytes of a head: the request or status line and the header fields. */
export const MAX_HEAD_BYTES = 8 << 10;
/** The most header fields of a head. Browsers send about 20. */
export const MAX_FIELDS = 100;

const LF = 10;
const CR = 13;
const EMPTY: Bytes = new Uint8Array(0);

/** The statuses that this program answers with. */
const STATUS_TEXT = {
  101: "Switching Protocols",
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  421: "Misdirected Request",
  426: "Upgrade Required",
  431: "Request Header Fields Too Large",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;

/** A status of a response. */
export type Status = keyof typeof STATUS_TEXT;

/** Thrown for the head of a request or a response that is not accepted. */
export class HttpError extends Error {
  /**
   * @param status The status of the response.
   * @param message One line for the client that sent the request.
   * @param headers More header fields of the response.
   */
  constructor(
    readonly status: Status,
    message: string,
    readonly headers: readonly HeaderField[] = [],
  ) {
    super(message);
    this.name = "HttpError";
  }
}

/** A header field: its name and its value. */
export type HeaderField = readonly [name: string, value: string];

/** The header fields of a head. Names are compared without regard to case. */
export class Fields {
  readonly #values = new Map<string, string[]>();

  /** @param fields The fields in order. */
  constructor(fields: Iterable<HeaderField>) {
    for (const [name, value] of fields) {
      const key = name.toLowerCase();
      const values = this.#values.get(key);
      if (values === undefined) this.#values.set(key, [value]);
      else values.push(value);
    }
  }

  /** Returns every value of a field that is not a list. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Returns the only value of a field; undefined if there is none, or more than one. */
  only(name: string): string | undefined {
    const [value, ...more] = this.all(name);
    return more.length === 0 ? value : undefined;
  }

  /** Tells whether a list, such as `Connection`, has a token, in lower case. */
  lists(name: string, token: string): boolean {
    return this.all(name).join(",").split(",").some((one) => one.trim().toLowerCase() === token);
  }
}

/** A request without its content. */
export interface HttpRequest {
  readonly method: string;
  /** The path as it was sent, without a query. It begins with a slash. */
  readonly path: string;
  /** Whether the client speaks HTTP/1.0 rather than HTTP/1.1. */
  readonly isOld: boolean;
  /** The host that the request is for: of the target, or of the field `Host`. */
  readonly host: string;
  readonly fields: Fields;
}

/** A response's head. */
export interface ResponseHead {
  readonly status: number;
  /** The reason phrase, not yet printable. */
  readonly reason: string;
  readonly fields: Fields;
}

/** Collects the bytes of a head: the lines up to the first empty one. */
export class HeadReader {
  #held = EMPTY;

  /**
   * Takes received bytes.
   *
   * @returns The head without its empty line, and what follows it; undefined if it is not complete.
   * @throws {HttpError} 431, if it is longer than {@linkcode MAX_HEAD_BYTES}.
   */
  push(chunk: Bytes): { readonly head: Bytes; readonly rest: Bytes } | undefined {
    const from = Math.max(0, this.#held.length - 2);
    const bytes = concat([this.#held, chunk.subarray(0, MAX_HEAD_BYTES + 1)]);
    const end = headEnd(bytes, from);
    if (end === undefined ? bytes.length > MAX_HEAD_BYTES : end > MAX_HEAD_BYTES) {
      const most = `more than ${MAX_HEAD_BYTES} bytes`;
      throw new HttpError(431, `the request line and the header fields have ${most}`);
    }
    if (end === undefined) {
      this.#held = bytes;
      return undefined;
    }
    const head = bytes.subarray(0, end);
    const rest = chunk.slice(end - this.#held.length);
    this.#held = EMPTY;
    return { head, rest };
  }
}

/** The index after the empty line that ends a head; undefined if it has not come. */
function headEnd(bytes: Bytes, from: number): number | undefined {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    const next = bytes[at + 1] === CR ? at + 2 : at + 1;
    if (bytes[next] === LF) return next + 1;
  }
  return undefined;
}

/** A token (RFC 9110 section 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The characters of a field value: visible ones, spaces, tabs, and bytes above ASCII. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Reads the head of a request.
 *
 * @throws {HttpError} 400, 431 or 505, if it is malformed or not supported.
 */
export function readRequest(head: Bytes): HttpRequest {
  const [line = "", ...rest] = linesOf(head);
  const [method = "", target = "", version, ...more] = line.split(" ");
  if (more.length > 0 || version === undefined || !TOKEN.test(method)) {
    throw new HttpError(400, "the request line is not METHOD TARGET HTTP/1.1");
  }
  const [, major, minor] = /^HTTP\/(\d)\.(\d)$/.exec(version) ?? [];
  if (major === undefined) throw new HttpError(400, "the request line does not end in HTTP/1.1");
  if (major !== "1") throw new HttpError(505, "use HTTP/1.1");
  const isOld = minor === "0";
  const fields = readFields(rest);
  const { path, authority } = readTarget(target);
  const host = fields.only("host");
  if (fields.all("host").length > 1) throw new HttpError(400, "there is more than one Host field");
  if (host === undefined && !isOld) throw new HttpError(400, "there is no Host field");
  return { method, path, isOld, host: authority ?? host ?? "", fields };
}

/** Reads a target: a path, or a URL as a proxy is sent (RFC 9112 section 3.2). */
function readTarget(target: string): { path: string; authority: string | undefined } {
  const [, authority, path = ""] = /^https?:\/\/([^/?#]*)([^#]*)$/i.exec(target) ?? [
    undefined,
    undefined,
    target,
  ];
  const [plain = ""] = path.split("?", 1);
  if (authority !== undefined && plain === "") return { path: "/", authority };
  if (/^\/[\x21-\x7e]*$/.test(plain)) return { path: plain, authority };
  throw new HttpError(400, "the target is not a path");
}

/**
 * Reads the head of a response.
 *
 * @throws {HttpError} 400 or 431, if it is malformed.
 */
export function readResponse(head: Bytes): ResponseHead {
  const [line = "", ...rest] = linesOf(head);
  const [, status, reason = ""] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(line) ?? [];
  if (status === undefined) throw new HttpError(400, "the first line is no status line");
  return { status: Number(status), reason, fields: readFields(rest) };
}

/** Cuts a head into lines, one character a byte. A line may end in LF alone (RFC 9112 section 2.2). */
function linesOf(head: Bytes): string[] {
  let text = "";
  for (const byte of head) text += String.fromCharCode(byte);
  return text.replace(/\r?\n\r?\n$/, "").split(/\r?\n/);
}

function readFields(lines: readonly string[]): Fields {
  // RFC 6585 section 5: too many fields are refused like fields that are too long.
  if (lines.length > MAX_FIELDS) {
    throw new HttpError(431, `there are more than ${MAX_FIELDS} header fields`);
  }
  return new Fields(lines.map((line): HeaderField => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1);
    if (TOKEN.test(name) && FIELD_VALUE.test(value)) return [name, value.trim()];
    throw new HttpError(400, "a header field is not NAME: VALUE");
  }));
}

/** A response. */
export interface HttpResponse {
  readonly status: Status;
  readonly headers: readonly HeaderField[];
  /** The content; none if the response changes the protocol. */
  readonly body?: Bytes | undefined;
}

/**
 * Encodes a response after which the connection ends, unless it changes the protocol.
 *
 * @param response The response.
 * @param options `head` leaves the content out, as HEAD asks; `date` is the time of day.
 */
export function encodeResponse(
  { status, headers, body }: HttpResponse,
  { head = false, date }: { readonly head?: boolean; readonly date: Date },
): Bytes {
  const fields: HeaderField[] = [["Date", date.toUTCString()], ...headers];
  if (body !== undefined) {
    fields.push(["Content-Length", String(body.length)], ["Connection", "close"]);
  }
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const start = utf8(`HTTP/1.1 ${status} ${STATUS_TEXT[status]}\r\n${lines}\r\n`);
  return body === undefined || head ? start : concat([start, body]);
}

/** The header fields of every response that is not the page. */
const PLAIN: readonly HeaderField[] = [
  ["Content-Type", "text/plain; charset=utf-8"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["Referrer-Policy", "no-referrer"],
  ["X-Content-Type-Options", "nosniff"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Cache-Control", "no-store"],
];

/** Turns a refusal into a response of one line of text. */
export function refusal({ status, message, headers }: HttpError): HttpResponse {
  return { status, headers: [...PLAIN, ...headers], body: utf8(`${message}\n`) };
}

/**
 * Encodes a client's request to change to WebSocket (RFC 6455 section 4.1).
 *
 * @param host The host, and the port if it is not the scheme's, in URL form.
 * @param path The path, in URL form.
 * @param key A key of `makeKey()`.
 */
export function encodeUpgrade(host: string, path: string, key: string): Bytes {
  const fields = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
  ];
  return utf8(fields.map((field) => `${field}\r\n`).join("") + "\r\n");
}
