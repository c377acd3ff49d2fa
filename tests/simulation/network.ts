/**
 * The network of the simulation: the connections that there are, and how they break.
 *
 * @module
 */

import type { VirtualClock } from "./clock.ts";
import { type End, Way } from "./connection.ts";
import type { Generator } from "./generator.ts";
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
  connect(process: Process, memberEnd: End, relayEnd: End): Connection {
    const toMember = new Way(this.#clock, this.#chance, memberEnd);
    const toRelay = new Way(this.#clock, this.#chance, relayEnd);
    const connection: Connection = { process, toRelay, toMember };
    this.#connections.push(connection);
    return connection;
  }

  /** Breaks a connection; either end may not hear of it. */
  break(connection: Connection, silentToMember: boolean, silentToRelay: boolean): void {
    connection.toRelay.cut(silentToRelay);
    connection.toMember.cut(silentToMember);
    this.#connections = this.#connections.filter((one) => one !== connection);
  }

  /** The relay's process is gone: every connection breaks, and most members hear of it. */
  loseRelay(): void {
    for (const connection of this.#connections) {
      connection.toRelay.cut(true);
      connection.toMember.cut(this.#chance.chance(0.1));
    }
    this.#connections = [];
  }

  /** What was sent goes on its way. */
  flush(log: (what: string, bytes: Uint8Array) => void): void {
    for (const { process, toRelay, toMember } of this.#connections) {
      const up = toRelay.flush();
      if (up !== undefined) log(`${process.name} sends`, up);
      const down = toMember.flush();
      if (down !== undefined) log(`${process.name} is sent`, down);
    }
  }
}
