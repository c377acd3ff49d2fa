/**
 * What a conversation says, to people or to programs.
 *
 * @module
 */

import type { Entered, MemberEvent, OwnCredential, Peer, RelayEvent } from "../tcp_chat.ts";
import type { WireFrame } from "./wire_dump.ts";

/** Turns what happens into lines of output; what it returns is fit for a terminal. */
export interface Presenter {
  /** A relay listens. */
  listening(addr: Deno.NetAddr, room: Uint8Array): string[];
  /** Something happened to the member. */
  event(event: MemberEvent): string[];
  /** Something happened at a relay that has no member here. */
  relayEvent(event: RelayEvent): string[];
  /** A line was said by this member. */
  said(text: string, to: string | undefined, entered: Entered & { readonly ok: true }): string[];
  /** Who is here. */
  roster(members: readonly Peer[], self: OwnCredential): string[];
  /** Whose fingerprint. */
  fingerprint(name: string, fingerprint: string, own: boolean): string[];
  /** The commands of the chat. */
  help(): string[];
  /** Something that one may like to know. */
  notice(text: string): string[];
  /** Something that went wrong, and the chat goes on. */
  error(code: string, message: string): string[];
  /** A frame travelled. */
  wire(frame: WireFrame): string[];
}
