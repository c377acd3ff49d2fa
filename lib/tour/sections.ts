/**
 * The sections of the tour, in the tutorial's order. Each is loaded where it is taken.
 *
 * @module
 */

import type { Section } from "./step.ts";

const LOAD: Readonly<Record<string, () => Promise<Section>>> = {
  host: async () => (await import("./sections/facts.ts")).HOST,
  address: async () => (await import("./sections/facts.ts")).ADDRESS,
  byteorder: async () => (await import("./sections/facts.ts")).BYTE_ORDER,
  service: async () => (await import("./sections/facts.ts")).SERVICE,
  socket: async () => (await import("./sections/sockets.ts")).SOCKET,
  errors: async () => (await import("./sections/sockets.ts")).ERRORS,
  udp: async () => (await import("./sections/datagrams.ts")).UDP,
  forgery: async () => (await import("./sections/datagrams.ts")).FORGERY,
  rsa: async () => (await import("./sections/rsa.ts")).RSA,
  chat: async () => (await import("./sections/chat.ts")).CHAT,
};

/**
 * Sections of the tour.
 *
 * @param name The one that is wanted; all of them without.
 */
export function loadSections(name?: string): Promise<Section[]> {
  const names = name === undefined ? Object.keys(LOAD) : [name];
  return Promise.all(names.map((one) => LOAD[one]!()));
}
