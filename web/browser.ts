/// <reference lib="dom" />
/**
 * What the page needs of a browser, and where its relay is.
 *
 * @module
 */

import { canonicalHost, hostPort } from "../lib/base/host_port.ts";
import { Failure } from "../lib/base/failure.ts";
import { readInvitationLink } from "../lib/chat/wire/invitation.ts";

/** Why this browser cannot run the page, and what the person can do. */
export interface Lack {
  readonly why: string;
  readonly steps: readonly string[];
}

/** Returns what the browser lacks; undefined if nothing. */
export function lackOf(location: Location): Lack | undefined {
  if (!globalThis.isSecureContext) {
    return {
      why: "This page came over plain http from another machine. A browser gives such a page no " +
        "cryptography, and anyone on the way could have changed it.",
      steps: [
        "Ask for an address that starts with https: the server's owner starts it with --tls-cert.",
        `On the machine of the server itself, open http://localhost:${location.port || "80"}/.`,
        "Or get the page as a file (parley chat page) from someone you trust, and open that.",
      ],
    };
  }
  const missing = [
    ...typeof Uint8Array.fromBase64 === "function" ? [] : ["Uint8Array.fromBase64"],
    ...typeof Promise.try === "function" ? [] : ["Promise.try"],
    ...typeof Map.groupBy === "function" ? [] : ["Map.groupBy"],
    // Iterator helpers.
    ...typeof globalThis.Iterator === "function" ? [] : ["Iterator"],
  ];
  if (missing.length === 0) return undefined;
  return {
    why: `This browser is too old for parley: it lacks ${missing.join(" and ")}.`,
    steps: ["Use Chrome or Edge 140, Firefox 134 or Safari 18.4, or a newer one."],
  };
}

/** Where a relay is. */
export interface Place {
  /** Its WebSocket. */
  readonly url: URL;
  /** What the person dialled. */
  readonly dialled: { readonly host: string; readonly port: number };
}

/** Whether a page at an address comes from a relay. A file, which ends in .html wherever it is, does not. */
export function comesFromRelay({ protocol, pathname }: Location): boolean {
  return (protocol === "http:" || protocol === "https:") && !pathname.endsWith(".html");
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
  const whole = /^[a-z]+:\/\//i.test(address) ? address : `wss://${address}`;
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

/**
 * Returns the link of the invitation by which a page was opened. What a proxy puts before the room does not matter.
 *
 * @throws {MalformedError} If what follows # in the address is no secret of an invitation.
 */
export function invitationOf(location: Location): string {
  const { protocol, host, hash } = location;
  const link = `${protocol}//${host}/${encodeURIComponent(roomOf(location))}${hash}`;
  readInvitationLink(link);
  return link;
}

/** Where a relay is that a person named, and the room and the link if that was an invitation. */
export interface NamedPlace {
  readonly place: Place;
  readonly invited?: { readonly roomName: string; readonly link: string };
}

/**
 * Reads the address of a relay, or the link of an invitation, that a person entered.
 *
 * @throws {Failure} If it is no address of a relay.
 * @throws {MalformedError} If what follows # is no secret of an invitation.
 */
export function readNamedPlace(address: string): NamedPlace {
  if (!/^https?:.*#/.test(address)) return { place: readPlace(address) };
  const { scheme, host, port, prefix = "", room } = readInvitationLink(address);
  const place = readPlace(`${scheme}://${hostPort({ hostname: host, port })}${prefix}/chat`);
  return { place, invited: { roomName: room, link: address } };
}

/** Returns the room that the address of a page names: the last part of its path. */
export function roomOf({ pathname }: Location): string {
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
  } catch (error) {
    if (error instanceof URIError) return "";
    throw error;
  }
}
