/**
 * parley as a library: an encrypted chat over TCP, host names and sockets, UDP datagrams, TCP
 * streams, and RSA keys.
 *
 * @example
 * ```ts
 * import { chat } from "./mod.ts";
 *
 * await using relay = chat.openRelay({ port: 0 });
 * const self = await chat.createIdentity("ada");
 * const session = await chat.joinRoom({ ...relay.addr, self, event: () => {} });
 * session.leave();
 * await session.ended;
 * ```
 *
 * @module
 */

export * as chat from "./lib/tcp_chat.ts";
export * as info from "./lib/info.ts";
export * as rsa from "./lib/rsa.ts";
export * as tcp from "./lib/tcp.ts";
export * as udp from "./lib/udp.ts";
