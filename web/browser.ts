/// <reference lib="dom" />
/**
 * What the page needs of a browser, and what the address that it was opened by says.
 *
 * @module
 */

import { readInvitationLink, roomSegment } from "../lib/chat/wire/invitation.ts";

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

/**
 * Whether a page at an address comes from a relay. A file, which ends in .html wherever it is, does not. Addresses of
 * rooms have that dot escaped.
 */
export function comesFromRelay({ protocol, pathname }: Location): boolean {
  return (protocol === "http:" || protocol === "https:") && !pathname.endsWith(".html");
}

/**
 * Returns the link of the invitation by which a page was opened. What a proxy puts before the room does not matter.
 *
 * @throws {MalformedError} If what follows # in the address is no secret of an invitation.
 */
export function invitationOf(location: Location): string {
  const { protocol, host, hash } = location;
  const link = `${protocol}//${host}/${roomSegment(roomOf(location))}${hash}`;
  readInvitationLink(link);
  return link;
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
