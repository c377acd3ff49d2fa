/**
 * A member's process in the simulation: the member, what it was told, and how far its screen has come.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import type { Member } from "../../lib/chat/member/member.ts";
import type { MemberEvent } from "../../lib/chat/member/options.ts";
import { KnownPeers } from "../../lib/chat/trust/known_peers.ts";
import { Trust } from "../../lib/chat/trust/trust.ts";
import type { SimulatedLink } from "./link.ts";

/** A connection between a process and a relay. */
export interface Connection {
  readonly process: Process;
  readonly memberLink: SimulatedLink;
  readonly relayLink: SimulatedLink;
}

/** A member's process. */
export class Process {
  readonly name: string;
  readonly member: Member;
  readonly self: OwnCredential;
  /** Whom its person lets read. */
  readonly trust = new Trust({ known: KnownPeers.parse("") });
  readonly events: MemberEvent[] = [];
  connection: Connection | undefined;
  /** The room that it is in. */
  room: Bytes = new Uint8Array(0);
  attempt = 0;
  alive = true;
  leaving = false;
  displayed = 0;
  entered = 0;
  /** Whether a line is being entered at this moment. */
  entering = false;
  /** How long its screen takes to show something, in milliseconds. */
  screenDelay = 0;
  ringsAt = Infinity;
  /** Since when lines wait for others, with nothing entered and no connection lost, and how much was entered then. */
  held = { since: -Infinity, entered: 0 };

  constructor(name: string, self: OwnCredential, make: (process: Process) => Member) {
    this.name = name;
    this.self = self;
    this.member = make(this);
  }
}

/** Returns the name of the process whose member's hash is a map key. */
export function processOf(processes: readonly Process[], key: string): string {
  return processes.find(({ self }) => self.key === key)?.name ?? "nobody";
}
