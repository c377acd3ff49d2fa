/**
 * What happens at a relay, as lines of a log.
 *
 * @module
 */

import type { Failure } from "../failure.ts";
import type { Log, LogLevel } from "../log.ts";
import { hostPort } from "../host_port.ts";
import type { Origin, RelayEvent } from "../tcp_chat.ts";

/** Writes down what happens at a relay. */
export function logRelayEvent(log: Log, event: RelayEvent): void {
  switch (event.kind) {
    case "connected":
      return log.write("debug", "connected", { from: written(event.from) });
    case "joined": {
      const { name, fingerprint } = event.credential;
      return log.write("info", "joined", { name, fingerprint, from: written(event.from) });
    }
    case "left": {
      const { name, fingerprint } = event.credential;
      return log.write("info", "left", { name, fingerprint, reason: event.reason });
    }
    case "away":
    case "back": {
      const { name, fingerprint } = event.credential;
      return log.write("info", event.kind, { name, fingerprint });
    }
    case "refused": {
      const { reason, detail } = event;
      const fields = { reason, detail: detail === "" ? undefined : detail };
      return log.write(gravity(reason), "refused", { ...fields, from: written(event.from) });
    }
    case "slowed": {
      const { name, fingerprint } = event.credential;
      return log.write("warn", "slowed", { name, fingerprint, ms: Math.ceil(event.ms) });
    }
    case "failed":
      return log.write("error", "failed", { error: event.detail });
  }
}

/** Writes down that a connection could not be taken. */
export function logTrouble(log: Log, { what, why, code }: Failure): void {
  log.write("warn", "trouble", { what, why, code });
}

/** A connection that was made and said nothing is no news. */
function gravity(reason: string): LogLevel {
  return reason === "LOST" || reason === "LEFT" || reason === "SHUTDOWN" ? "debug" : "warn";
}

function written(from: Origin | undefined): string | undefined {
  return from === undefined ? undefined : hostPort(from);
}
