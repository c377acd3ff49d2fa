/**
 * Where the relay of the page is, as its own address says it or as a person enters it.
 *
 * @module
 */

import { Failure } from "../lib/base/failure.ts";
import { canonicalHost, hostPort } from "../lib/base/host_port.ts";
import { readInvitationLink } from "../lib/chat/wire/invitation.ts";

/** Where a relay is. */
export interface Place {
  /** Its WebSocket. */
  readonly url: URL;
  /** What the person dialled. */
  readonly dialled: { readonly host: string; readonly port: number };
}

/**
 * Returns the place of the relay that a page came from: the WebSocket is `chat` beside the page.
 *
 * @param base The address of the page.
 */
export function placeBeside(base: string): Place {
  const url = new URL("chat", base);
  url.search = url.hash = "";
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return placeAt(url);
}

/**
 * Reads the address of a relay that a person entered: `wss://HOST:PORT`, or with `https`, `ws` or `http`.
 *
 * @throws {Failure} If it is no address of a relay.
 */
export function readPlace(address: string): Place {
  const whole = hasScheme(address) ? address : `wss://${address}`;
  const url = /\s/.test(whole) ? null : URL.parse(whole);
  const protocol = url === null ? undefined : SOCKETS[url.protocol];
  if (url === null || protocol === undefined) {
    throw new Failure({
      what: "this is no address of a server",
      why: "it has another form than wss://HOST:PORT",
      code: "ADDRESS",
    });
  }
  url.protocol = protocol;
  url.hash = "";
  if (url.pathname === "/") url.pathname = "/chat";
  return placeAt(url);
}

const SOCKETS: Readonly<Record<string, string>> = {
  "ws:": "ws:",
  "http:": "ws:",
  "wss:": "wss:",
  "https:": "wss:",
};

function placeAt(url: URL): Place {
  const port = url.port === "" ? (url.protocol === "wss:" ? 443 : 80) : Number(url.port);
  return { url, dialled: { host: canonicalHost(url.hostname), port } };
}

/** What follows # in a link of an invitation, or in one that was cut off. */
const SECRET = /^#[\w-]{20,}$/;

/**
 * Returns the address by which a page goes on that was opened by an invitation to a room whose name ends in `.html`:
 * with that dot escaped, so that it is not taken for the address of a file. Undefined for other addresses.
 *
 * @param address The address of the page.
 */
export function roomAddress(
  { protocol, pathname, search, hash }: Pick<URL, "protocol" | "pathname" | "search" | "hash">,
): string | undefined {
  if (protocol !== "http:" && protocol !== "https:" || !SECRET.test(hash)) return undefined;
  const escaped = pathname.replace(/\.(?=html$)/, "%2E");
  return escaped === pathname ? undefined : `${escaped}${search}${hash}`;
}

/** Where a relay is that a person named, and the room and the link if that was an invitation. */
export interface NamedPlace {
  readonly place: Place;
  readonly invited?: Invited;
}

/** The room of an invitation, and its link. */
export interface Invited {
  readonly roomName: string;
  readonly link: string;
}

/**
 * Reads the address of a relay, or the link of an invitation, that a person entered. A relay whose link begins with
 * `parley` answers WebSockets at the same port if it serves browsers at all.
 *
 * @throws {Failure} If it is no address of a relay.
 * @throws {MalformedError} If what follows # is no secret of an invitation.
 */
export function readNamedPlace(address: string): NamedPlace {
  // What follows # is the secret of an invitation, and must not be lost in silence.
  if (!address.includes("#")) return { place: readPlace(address) };
  // Some programs cut the scheme off.
  const link = hasScheme(address) ? address : `https://${address}`;
  const { scheme, host, port, prefix = "", room } = readInvitationLink(link);
  const socket = scheme === "parley" ? "ws" : scheme;
  const place = readPlace(`${socket}://${hostPort({ hostname: host, port })}${prefix}/chat`);
  return { place, invited: { roomName: room, link } };
}

/**
 * Reads the name of a room at the relay that a page came from, or the link of an invitation into one.
 *
 * @param text What the person entered. No room's name has a slash.
 * @param base The address of the page.
 * @throws {Failure} If the link leads to another relay, which the page cannot reach.
 * @throws {MalformedError} If it is no link of an invitation.
 */
export function readRoomOrLink(text: string, base: string): NamedPlace {
  const place = placeBeside(base);
  if (!hasScheme(text)) return { place };
  const { scheme, host, port, room } = readInvitationLink(text);
  if (host !== place.dialled.host || port !== place.dialled.port) {
    throw new Failure({
      what: "this page cannot open the link",
      why: `it leads to another server, ${hostPort({ hostname: host, port })}`,
      code: "OTHER_SERVER",
      hint: scheme === "parley" ? ASK_FOR_HTTPS : "open the link in the browser itself",
    });
  }
  return { place, invited: { roomName: room, link: text } };
}

/** What helps where a link of `parley` leads to a relay that a page does not reach. */
export const ASK_FOR_HTTPS = "ask for the https link of the same invitation";

function hasScheme(text: string): boolean {
  return /^[a-z]+:\/\//i.test(text);
}
