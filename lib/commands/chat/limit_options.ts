/**
 * The options of a relay's limits.
 *
 * @module
 */

import {
  DEFAULT_LIMITS,
  JOINS_PER_ADDRESS,
  type Limits,
  PER_ADDRESS,
} from "../../chat/relay/options.ts";
import type { Input, NumberOption } from "../../cli/spec.ts";

/** What the options of {@linkcode LIMIT_OPTIONS} may be at most. */
const MAX = 1_000_000;
/** A whole sealed frame and more: with less, one large message would hold its sender up for minutes. */
const MIN_BYTES = 64 << 10;
const MAX_BYTES = 1 << 30;

/** Limits as options of `parley chat server`. */
export const LIMIT_OPTIONS = {
  "max-pending": {
    type: "integer",
    value: "N",
    min: 1,
    max: 100_000,
    default: DEFAULT_LIMITS.pending,
    help:
      "Connections that have not joined yet; beyond it one goes of the address of which most wait",
  },
  "max-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: 100_000,
    help: `Connections from one address, an IPv6 /64 counting as one (default ${PER_ADDRESS}; ` +
      "none for this machine's own)",
  },
  "max-joins-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    help:
      `Joins a minute from one address (default ${JOINS_PER_ADDRESS}; none for this machine's own)`,
  },
  "max-joins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.joinsPerSecond,
    help: "Joins a second that are checked, after a first 1024; the others wait their turn",
  },
  "max-rejoins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.rejoins,
    help: "Joins a minute of one identity",
  },
  "max-frames": {
    type: "integer",
    value: "N",
    min: 10,
    max: MAX,
    default: DEFAULT_LIMITS.framesPerSecond,
    help: "Frames a second from one member; a faster one is slowed down, not ended",
  },
  "max-bytes": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.bytesPerSecond,
    help: "Bytes a second from one member, likewise",
  },
  "max-fanout": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.fanoutPerSecond,
    help: "Bytes a second that are sent on for one member, to all recipients together, likewise",
  },
} as const satisfies Record<string, NumberOption>;

/** The limits that the options name. */
export function limitsFrom(
  options: Input<{ readonly options: typeof LIMIT_OPTIONS }>["options"],
): Limits {
  return {
    pending: options["max-pending"],
    perAddress: options["max-per-address"],
    joinsPerAddress: options["max-joins-per-address"],
    joinsPerSecond: options["max-joins"],
    rejoins: options["max-rejoins"],
    framesPerSecond: options["max-frames"],
    bytesPerSecond: options["max-bytes"],
    fanoutPerSecond: options["max-fanout"],
  };
}
