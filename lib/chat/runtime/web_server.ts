/**
 * A relay's TCP listener that also answers browsers, with one page and a WebSocket. Pages of other origins may open
 * the WebSocket only if they are admitted.
 *
 * @module
 */

import { type Bytes, sha256, utf8 } from "../../base/bytes.ts";
import { isOwnHost } from "../../base/host_port.ts";
import {
  encodeResponse,
  type HeaderField,
  HeadReader,
  HttpError,
  type HttpRequest,
  type HttpResponse,
  readRequest,
  refusal,
} from "../../net/http.ts";
import { acceptFor, isKey } from "../../net/websocket.ts";
import type { DuplexLink, Link, LinkReceiver } from "../link.ts";
import { isRoomName, WEBSOCKET_PATH } from "../wire/kinds.ts";
import { WebSocketEnd } from "./web.ts";

/** The most connections that may stay open for a moment after the relay has ended them. */
const MAX_LINGERING = 64;
/** The most bytes that are read and dropped after a response. */
const MAX_DROPPED_BYTES = 64 << 10;

/** The page of a {@linkcode WebSite}, and the origins and hosts that it admits. */
export interface WebSiteOptions {
  /** The page: HTML with its scripts and styles in it. */
  readonly page: string;
  /** The same compressed by Brotli, if it is: for the browsers that can read that. */
  readonly brotli?: Bytes;
  /** The names of this server, `HOST` or `*.HOST`, without a port; addresses and `localhost` are its own anyway. */
  readonly names?: readonly string[];
  /** Origins besides the page's own whose pages may open the WebSocket; `null` for pages opened from disk. */
  readonly origins?: readonly string[];
}

/** What answers browsers at a relay's port. */
export interface WebService {
  /** The SHA-256 of the page, in hex. */
  readonly sha256: string;
  /**
   * Makes the relay's end of a connection: the option `wrap` of a relay that listens on TCP. Over TLS, which `isSecure`
   * tells, no page that came without it may open the WebSocket.
   */
  readonly wrap: (link: DuplexLink, isSecure: boolean) => Link;
}

/**
 * Lets a relay that listens on TCP answer browsers at the same port: with a page at `/` and at `/ROOM`, and with the
 * WebSocket `/chat`, whose binary messages carry the chat's protocol.
 *
 * @param options What it shows, and to whom.
 */
export function serveWeb(options: WebSiteOptions): Promise<WebService> {
  return WebSite.make(options);
}

/** A page in a content coding (RFC 9110 section 8.4.1). */
interface Compressed {
  readonly coding: string;
  readonly body: Bytes;
}

/** One page, and a WebSocket. */
export class WebSite implements WebService {
  /** The SHA-256 of the page, in hex. */
  readonly sha256: string;
  readonly #options: Required<Omit<WebSiteOptions, "brotli">>;
  readonly #page: Bytes;
  /** The page compressed, the best coding first. */
  readonly #compressed: readonly Compressed[];
  /** The Content-Security-Policy up to the origins that the page may connect to. */
  readonly #policy: string;
  /** The number of connections that the relay has ended and that are still open. */
  #lingering = 0;

  private constructor(
    options: Required<Omit<WebSiteOptions, "brotli">>,
    made: { page: Bytes; compressed: readonly Compressed[]; sha256: string; policy: string },
  ) {
    this.#options = options;
    this.#page = made.page;
    this.#compressed = made.compressed;
    this.sha256 = made.sha256;
    this.#policy = made.policy;
  }

  /** Makes a site: hashes its page, and compresses it by gzip. */
  static async make(options: WebSiteOptions): Promise<WebSite> {
    const page = utf8(options.page);
    const zipped = new Response(page).body!.pipeThrough(new CompressionStream("gzip"));
    const gzip = await new Response(zipped).bytes();
    const { brotli, names = [], origins = [] } = options;
    return new WebSite({ page: options.page, names, origins }, {
      page,
      compressed: [
        ...brotli === undefined ? [] : [{ coding: "br", body: brotli }],
        { coding: "gzip", body: gzip },
      ],
      sha256: (await sha256(page)).toHex(),
      policy: await contentPolicy(options.page),
    });
  }

  /** Makes the relay's end of a connection: the chat's own protocol, or HTTP and WebSocket. */
  readonly wrap = (link: DuplexLink, isSecure: boolean): Link =>
    new WebServerLink(link, this, isSecure);

  /** Tells whether one more connection that the relay has ended may stay open for a moment. */
  mayLinger(): boolean {
    return this.#lingering < MAX_LINGERING;
  }

  /** Counts such a connection. Call the returned function once when it closes. */
  linger(): () => void {
    this.#lingering += 1;
    return () => {
      this.#lingering -= 1;
    };
  }

  /**
   * Answers a request.
   *
   * @param isSecure Whether it came over TLS.
   * @returns The page, or the key of the WebSocket that the client asks for.
   * @throws {HttpError} If the request is refused.
   */
  answer(request: HttpRequest, isSecure: boolean): HttpResponse | { readonly key: string } {
    const { method, path, host, fields } = request;
    // A page of another site may use a name that its owner resolves to this server (DNS rebinding).
    if (!isOwnHost(host, { names: this.#options.names })) {
      throw new HttpError(421, "the request names a host that is not this server's");
    }
    if (method !== "GET" && method !== "HEAD") {
      throw new HttpError(405, "use GET or HEAD", [["Allow", "GET, HEAD"]]);
    }
    const wantsSocket = fields.lists("upgrade", "websocket");
    if (wantsSocket && path === WEBSOCKET_PATH) {
      return { key: this.#checkUpgrade(request, isSecure) };
    }
    if (!wantsSocket && isPagePath(path)) return this.#pageFor(request, isSecure);
    const where = wantsSocket ? `the WebSocket is at ${WEBSOCKET_PATH}` : PAGE_IS_AT;
    throw new HttpError(404, where);
  }

  #checkUpgrade({ method, isOld, host, fields }: HttpRequest, isSecure: boolean): string {
    if (method !== "GET" || isOld || !fields.lists("connection", "upgrade")) {
      throw new HttpError(400, "a WebSocket needs GET, HTTP/1.1 and Connection: Upgrade");
    }
    // A proxy that passes content on must not have it taken for frames.
    const hasContent = fields.all("content-length").some((length) => length !== "0") ||
      fields.all("transfer-encoding").length > 0;
    if (hasContent) throw new HttpError(400, "a request for a WebSocket has no content");
    if (fields.only("sec-websocket-version") !== "13") {
      const headers: HeaderField[] = [["Sec-WebSocket-Version", "13"], ["Upgrade", "websocket"]];
      throw new HttpError(426, "use version 13 of WebSocket", headers);
    }
    const key = fields.only("sec-websocket-key") ?? "";
    if (!isKey(key)) throw new HttpError(400, "Sec-WebSocket-Key is not 16 bytes in base64");
    const [origin, ...more] = fields.all("origin");
    // Browsers say where a page is from. Other clients need not, and could say anything: they hold no one's rights.
    if (origin !== undefined && (more.length > 0 || !this.#isOwnOrigin(origin, host, isSecure))) {
      throw new HttpError(403, "the page is from an origin that is not this server's");
    }
    return key;
  }

  /** Tells whether an origin is that of the page, as the browser dialled it, or one that was admitted. */
  #isOwnOrigin(origin: string, host: string, isSecure: boolean): boolean {
    if (this.#options.origins.includes(origin.toLowerCase())) return true;
    const url = URL.parse(origin);
    // An origin has neither a user nor a path.
    if (url?.origin !== origin.toLowerCase()) return false;
    // Without TLS here, a proxy in front may add it.
    const isScheme = url.protocol === "https:" || !isSecure && url.protocol === "http:";
    return isScheme && url.host === URL.parse(`${url.protocol}//${host}`)?.host;
  }

  #pageFor({ host, fields }: HttpRequest, isSecure: boolean): HttpResponse {
    const { coding, body } =
      this.#compressed.find(({ coding }) => fields.lists("accept-encoding", coding)) ??
        { coding: undefined, body: this.#page };
    const authority = URL.parse(`http://${host}`)?.host ?? "";
    const sockets = isSecure ? [] : [`ws://${authority}`];
    const connect = ["'self'", ...sockets, `wss://${authority}`].join(" ");
    const headers: HeaderField[] = [
      ["Content-Type", "text/html; charset=utf-8"],
      ["Content-Security-Policy", `${this.#policy}; connect-src ${connect}`],
      ...PAGE_FIELDS,
      ...coding === undefined ? [] : [["Content-Encoding", coding]] satisfies HeaderField[],
    ];
    return { status: 200, headers, body };
  }
}

/** The header fields of the page that are always the same. */
const PAGE_FIELDS: readonly HeaderField[] = [
  ["Cache-Control", "no-store"],
  ["Cross-Origin-Embedder-Policy", "require-corp"],
  ["Cross-Origin-Opener-Policy", "same-origin"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["Vary", "Accept-Encoding"],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
];

/** Returns the policy that lets a page use its own inline scripts and styles, and nothing else. */
async function contentPolicy(page: string): Promise<string> {
  return [
    "default-src 'none'",
    `script-src ${await hashesOf(page, "script")}`,
    `style-src ${await hashesOf(page, "style")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** Returns the sources of inline elements (CSP Level 3 section 2.3.1): the hash of each one's text. */
async function hashesOf(page: string, element: "script" | "style"): Promise<string> {
  const texts = page.matchAll(new RegExp(`<${element}\\b[^>]*>([^]*?)</${element}>`, "gi"));
  const hashes = await Promise.all([...texts].map(async ([, text = ""]) => {
    return `'sha256-${(await sha256(utf8(text))).toBase64()}'`;
  }));
  return hashes.join(" ") || "'none'";
}

const PAGE_IS_AT =
  "the page is at / and at /ROOM; a room's name has at most 64 bytes, no space, no slash and no control character";

/** Whether a path is `/`, or `/ROOM` as in an invitation. */
function isPagePath(path: string): boolean {
  try {
    return isRoomName(decodeURIComponent(path.slice(1)).normalize("NFKC"));
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}

/**
 * The relay's end of a connection that may be a browser's. The first byte decides: the methods of HTTP begin with an
 * upper-case letter, and the chat's greeting does not.
 *
 * The relay counts the connection from its first moment and ends it if it has not joined in time, whatever it speaks.
 */
class WebServerLink implements Link {
  readonly #link: DuplexLink;
  readonly #site: WebSite;
  readonly #isSecure: boolean;
  #receiver: LinkReceiver | undefined;
  #state: "new" | "refused" | "chat" | "head" | "upgrading" | "websocket" | "over" = "new";
  readonly #head = new HeadReader();
  /** What the relay says to a connection that it refuses before it has said a byte. */
  readonly #held: Bytes[] = [];
  readonly #socket: WebSocketEnd;
  #dropped = 0;
  /** Why the connection was refused, for the relay's operator. */
  #detail: string | undefined;
  #lingered: (() => void) | undefined;

  /** Takes over an accepted link whose `open()` has not been called. */
  constructor(link: DuplexLink, site: WebSite, isSecure: boolean) {
    this.#link = link;
    this.#site = site;
    this.#isSecure = isSecure;
    this.#socket = new WebSocketEnd(link, "server");
  }

  get waiting(): number {
    return this.#link.waiting;
  }

  open(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#link.open({
      receive: (bytes) => this.#receive(bytes),
      disconnected: (detail) => {
        this.#lingered?.();
        this.#socket.disconnected();
        receiver.disconnected(detail ?? this.#detail ?? this.#socket.fault);
      },
    });
  }

  send(bytes: Bytes): void {
    if (this.#state === "chat") this.#link.send(bytes);
    else if (this.#state === "websocket") this.#socket.send(bytes);
    else if (this.#state === "new") this.#held.push(bytes);
  }

  end(): void {
    switch (this.#state) {
      case "chat":
        return this.#link.end();
      case "websocket":
        return this.#endSocket();
      case "new":
        return this.#refuse();
      case "head":
        if (!this.#linger()) return this.close();
        return this.#respond(refusal(new HttpError(408, "the request did not come in time")));
      default:
        return this.close();
    }
  }

  close(): void {
    this.#link.close();
  }

  /** Waits for the first byte, which says how to tell it that it is refused. */
  #refuse(): void {
    if (!this.#linger()) this.#sayChat();
    else this.#state = "refused";
  }

  #endSocket(): void {
    this.#socket.end();
    if (!this.#linger()) this.#link.end();
  }

  /** Tells whether the connection may stay open for a moment after its end. */
  #linger(): boolean {
    if (!this.#site.mayLinger()) return false;
    this.#lingered ??= this.#site.linger();
    return true;
  }

  /** Sends what was held and ends. */
  #sayChat(): void {
    this.#state = "chat";
    for (const bytes of this.#held) this.#link.send(bytes);
    this.#link.end();
  }

  #receive(bytes: Bytes): Promise<void> | undefined {
    switch (this.#state) {
      case "chat":
        return this.#receiver!.receive(bytes);
      case "websocket":
        return this.#socket.receive(bytes, this.#receiver!);
      case "head":
        return this.#readHead(bytes);
      case "new":
        this.#state = isUpperCase(bytes[0]!) ? "head" : "chat";
        return this.#receive(bytes);
      case "refused":
        if (!isUpperCase(bytes[0]!)) this.#sayChat();
        else this.#respond(refusal(new HttpError(503, "too many connections; try again later")));
        return undefined;
      default:
        this.#dropped += bytes.length;
        if (this.#dropped > MAX_DROPPED_BYTES) this.close();
        return undefined;
    }
  }

  #readHead(bytes: Bytes): Promise<void> | undefined {
    try {
      const whole = this.#head.push(bytes);
      if (whole === undefined) return undefined;
      const request = readRequest(whole.head);
      const answer = this.#site.answer(request, this.#isSecure);
      if (!("key" in answer)) this.#respond(answer, request.method === "HEAD");
      else return this.#upgrade(answer.key, whole.rest);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      this.#detail = `HTTP ${error.status}: ${error.message}`;
      this.#respond(refusal(error));
    }
    return undefined;
  }

  /** Sends a response and ends. What still comes is dropped: closing at once would take the response along. */
  #respond(response: HttpResponse, head = false): void {
    this.#state = "over";
    this.#link.send(encodeResponse(response, { head: true, date: new Date() }));
    // All connections share the page: no copy of it waits with a slow one.
    if (response.body !== undefined && !head) this.#link.send(response.body);
    this.#link.endWriting();
  }

  async #upgrade(key: string, rest: Bytes): Promise<void> {
    this.#state = "upgrading";
    const accept = await acceptFor(key);
    if (this.#state !== "upgrading") return;
    this.#state = "websocket";
    const headers: HeaderField[] = [
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Accept", accept],
    ];
    this.#link.send(encodeResponse({ status: 101, headers }, { date: new Date() }));
    if (rest.length > 0) await this.#socket.receive(rest, this.#receiver!);
  }
}

function isUpperCase(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}
