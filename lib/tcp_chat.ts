/**
 * The encrypted chat over TCP, within TLS or not: a relay that listens, and members that join one.
 *
 * This file joins the chat's core, which does no I/O, to connections and timers. The protocol is written down
 * in `docs/protocol.md`.
 *
 * @example A relay and a member in one process
 * ```ts
 * await using relay = openRelay({ port: 0 });
 * const self = await createIdentity("ada");
 * const { hostname, port } = relay.addr;
 * const session = await joinRoom({ hostname, port, self, event: (event) => console.log(event.kind) });
 * session.leave();
 * await session.ended;
 * ```
 *
 * @module
 */

export type { Credential, MemberKeys, OwnCredential } from "./chat/identity/credential.ts";
export type { MissedSpan } from "./chat/member/absence.ts";
export type { SealedText } from "./chat/wire/envelope.ts";
export type { Fault, FAULTS } from "./chat/member/peer_inbox.ts";
export type { Entered, FaultCode, MemberEvent, RefusalCode } from "./chat/member/options.ts";
export type { Limits } from "./chat/relay/options.ts";
export type { Backlog, Line } from "./chat/member/undelivered.ts";
export type { Policy } from "./chat/member/roster.ts";
export type { Ending, ENDING_TEXT, Reason, REASONS } from "./chat/wire/kinds.ts";
export type { Conflict } from "./chat/identity/registry.ts";
export type { Origin, RelayEvent } from "./chat/relay/options.ts";
export type { Peer } from "./chat/member/roster.ts";
export type { RelayState, Tally } from "./chat/relay/outbox.ts";
export type { Failure } from "./base/failure.ts";
export type { Bytes } from "./rsa.ts";
export type { Session, SessionOptions, Tap } from "./chat/runtime/session.ts";
export type { TlsClientOptions, TlsServerOptions } from "./net/tls.ts";

export { DEFAULT_PORT } from "./chat/wire/kinds.ts";

export { createIdentity, type JoinOptions, joinRoom } from "./chat/runtime/join.ts";

export { openRelay, type RelayServer, type RelayServerOptions } from "./chat/runtime/server.ts";
