/**
 * The end-to-end encrypted chat: a relay that listens on TCP, with TLS or without, and members that join it, over
 * TCP or WebSocket.
 *
 * `docs/protocol.md` specifies the protocol.
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
 * @example Browsers at the relay's port, and a member that joins by WebSocket
 * ```ts
 * const { wrap } = await serveWeb({ page: "<!doctype html><title>A page</title>" });
 * await using relay = openRelay({ port: 0, wrap });
 * const { hostname, port } = relay.addr;
 * const dial = webDial({ hostname, port, path: "/chat" });
 * const self = await createIdentity("ada");
 * const session = await joinRoom({ hostname, port, self, dial, event: () => {} });
 * session.leave();
 * await session.ended;
 * ```
 *
 * Bytes may travel over something other than TCP. Implement {@linkcode Link}, hand the relay's ends to
 * {@linkcode openRelay} as a {@linkcode LinkSource}, and give {@linkcode joinRoom} a function that makes the members'.
 *
 * @module
 */

export type { Credential, MemberKeys, OwnCredential } from "./chat/identity/credential.ts";
export type { MissedSpan } from "./chat/member/time.ts";
export type { Fault, FaultCode, FAULTS, MemberEvent } from "./chat/member/options.ts";
export type { Entered, RefusalCode } from "./chat/member/lines.ts";
export type { Limits } from "./chat/relay/options.ts";
export type { Backlog, WaitingLine } from "./chat/member/deliveries.ts";
export type { Line, Missed } from "./chat/member/lines.ts";
export type { Notice, NOTICES, STREAM, Stream } from "./chat/wire/content.ts";
export type { Policy } from "./chat/member/roster.ts";
export type { Ending, ENDING_TEXT, Reason, REASONS } from "./chat/wire/kinds.ts";
export type { MemberChange, Origin, RelayCredential, RelayEvent } from "./chat/relay/options.ts";
export type { Peer } from "./chat/member/roster.ts";
export type { RelayGuest, RelayInvitations, RelayState, Tally } from "./chat/relay/options.ts";
export {
  type Invitation,
  type InvitationAnswer,
  type InvitationLink,
  invitationLink,
  type InvitationTarget,
  inviterOf,
  type LinkScheme,
  openInvitation,
  readInvitationLink,
} from "./chat/wire/invitation.ts";
export {
  type Guest,
  type GuestEvent,
  Invitations,
  type InvitationsOptions,
  InvitedGuest,
  type InvitedGuestOptions,
  type MadeInvitation,
  type ProofOutcome,
} from "./chat/trust/invitations.ts";
export { Failure, type FailureOptions } from "./base/failure.ts";
export type { Bytes } from "./rsa.ts";
export type { DuplexLink, Link, LinkReceiver, Tap } from "./chat/link.ts";
export type { Dial, Session, SessionOptions } from "./chat/runtime/session.ts";
export type { IncomingLink, LinkSource, RelayHost } from "./chat/runtime/relay_host.ts";
export type { TlsClientOptions, TlsServerOptions } from "./net/tls.ts";

export type { TcpDestination } from "./chat/runtime/tcp.ts";
export { webDial, type WebSocketDestination } from "./chat/runtime/web.ts";
export { serveWeb, type WebService, type WebSiteOptions } from "./chat/runtime/web_server.ts";

export { DEFAULT_PORT } from "./chat/wire/kinds.ts";

export { createIdentity, type JoinOptions, joinRoom } from "./chat/runtime/room.ts";

export {
  type DetachedRelayOptions,
  openRelay,
  type RelayHostOptions,
  type RelayServer,
  type RelayServerOptions,
} from "./chat/runtime/room.ts";
