/**
 * The network of the simulation: the connections that there are, and how they break.
 *
 * @module
 */

import type { VirtualClock } from "./clock.ts";
import type { Generator } from "./generator.ts";
import { simulatedLinks } from "./link.ts";
import type { Connection, Process } from "./process.ts";

/** All connections. */
export class Network {
  readonly #clock: VirtualClock;
  readonly #chance: Generator;
  #connections: Connection[] = [];

  /** No connection yet. */
  constructor(clock: VirtualClock, chance: Generator) {
    this.#clock = clock;
    this.#chance = chance;
  }

  /** Connects a process. */
  connect(process: Process): Connection {
    const [memberLink, relayLink] = simulatedLinks(this.#clock, this.#chance);
    const connection: Connection = { process, memberLink, relayLink };
    this.#connections.push(connection);
    return connection;
  }

  /** Breaks a connection; either end may not hear of it. */
  break(connection: Connection, silentToMember: boolean, silentToRelay: boolean): void {
    connection.memberLink.cut(silentToRelay);
    connection.relayLink.cut(silentToMember);
    this.#connections = this.#connections.filter((one) => one !== connection);
  }

  /** The relay's process is gone: every connection breaks, and most members hear of it. */
  loseRelay(): void {
    for (const connection of this.#connections) {
      connection.memberLink.cut(true);
      connection.relayLink.cut(this.#chance.chance(0.1));
    }
    this.#connections = [];
  }

  /** What was sent goes on its way. */
  flush(log: (what: string, bytes: Uint8Array) => void): void {
    for (const { process, memberLink, relayLink } of this.#connections) {
      const up = memberLink.flush();
      if (up !== undefined) log(`${process.name} sends`, up);
      const down = relayLink.flush();
      if (down !== undefined) log(`${process.name} is sent`, down);
    }
  }
}
