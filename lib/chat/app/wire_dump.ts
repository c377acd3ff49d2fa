/**
 * Decodes the frames on the wire for `--wire`: their kind, length and fields, and the ciphertext in
 * hex.
 *
 * @module
 */

import { type Bytes, concat, MalformedError } from "../../base/bytes.ts";
import { readHere } from "../wire/history.ts";
import { readEntries, readPair, readSealed } from "../wire/envelope.ts";
import { type Frame, FrameError, FrameReader } from "../wire/frame.ts";
import { BOUND, KIND, kindName, readGreeting } from "../wire/kinds.ts";

/** The maximum length of a dumped ciphertext in bytes. */
const MAX_DUMP_BYTES = 4096;

/** A frame that was sent or received. */
export interface WireFrame {
  readonly direction: "sent" | "received";
  readonly kind: number;
  readonly payload: Bytes;
  /** The encoded length in bytes: length field, kind and payload. */
  readonly length: number;
}

/** Splits the bytes that a tap sees into frames. */
export class WireReader {
  readonly #frame: (frame: WireFrame) => void;
  readonly #readers = {
    sent: new FrameReader(() => BOUND.frame),
    received: new FrameReader(() => BOUND.frame),
  };
  #broken = false;
  /** The bytes of the greeting that have come; undefined once it is whole. The frames follow it. */
  #greeting: Bytes | undefined = new Uint8Array(0);

  readonly #greeter: "sent" | "received";

  /**
   * @param frame Called with each frame, which is valid until the call returns.
   * @param greeter The direction of the greeting: a member sends it, a relay receives it.
   */
  constructor(frame: (frame: WireFrame) => void, greeter: "sent" | "received" = "sent") {
    this.#frame = frame;
    this.#greeter = greeter;
  }

  /**
   * Reads bytes of one direction. After a malformed frame it reads no more: the member or relay
   * deals with it.
   */
  see(direction: "sent" | "received", bytes: Bytes): void {
    if (this.#broken) return;
    try {
      this.#see(direction, bytes);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#broken = true;
    }
  }

  #see(direction: "sent" | "received", bytes: Bytes): void {
    const rest = direction === this.#greeter ? this.#afterGreeting(bytes) : bytes;
    for (const { kind, payload, bytes: { length } } of this.#readers[direction].push(rest)) {
      this.#frame({ direction, kind, payload, length });
    }
  }

  /** Returns the bytes that follow the greeting. */
  #afterGreeting(bytes: Bytes): Bytes {
    if (this.#greeting === undefined) return bytes;
    const all = concat([this.#greeting, bytes]);
    const greeting = readGreeting(all);
    this.#greeting = greeting.state === "whole" ? undefined : all;
    if (greeting.state === "foreign") this.#broken = true;
    return greeting.state === "whole" ? all.subarray(greeting.length) : new Uint8Array(0);
  }
}

interface Parts {
  /** Names and values in wire order. */
  readonly fields: readonly (readonly [string, string | number])[];
  readonly ciphertext: Bytes | undefined;
}

function partsOf({ kind, payload }: Pick<Frame, "kind" | "payload">): Parts {
  if (kind === KIND.sealed) return sealedParts(payload);
  if (kind === KIND.pair) return pairParts(payload);
  if (kind === KIND.here) return hereParts(payload);
  if (kind === KIND.receipt || kind === KIND.ask) return entryParts(payload);
  return { fields: [], ciphertext: undefined };
}

function sealedParts(payload: Bytes): Parts {
  const { header, ciphertext, signature } = readSealed(payload);
  return {
    fields: [
      ["sender", header.sender],
      ["route", header.route],
      ["chain", header.chain],
      ["step", header.step],
      ["number", header.number],
      ["version", header.version],
      ["check", header.check.toHex()],
      ["signature", signature.toHex()],
    ],
    ciphertext,
  };
}

function pairParts(payload: Bytes): Parts {
  const { header, wrapped, ciphertext, signature } = readPair(payload);
  return {
    fields: [
      ["sender", header.sender],
      ["recipient", header.recipient],
      ["use", header.use],
      ["version", header.version],
      ["check", header.check.toHex()],
      ["RSA-OAEP bytes", wrapped.length],
      ["signature", signature.toHex()],
    ],
    ciphertext,
  };
}

function hereParts(payload: Bytes): Parts {
  const { member, version, check, signature } = readHere(payload);
  return {
    fields: [
      ["sender", member],
      ["version", version],
      ["check", check.toHex()],
      ["signature", signature.toHex()],
    ],
    ciphertext: undefined,
  };
}

function entryParts(payload: Bytes): Parts {
  const entries = readEntries(payload);
  const [first] = entries;
  return {
    fields: [
      ["entries", entries.length],
      ["member", first!.member],
      ["sequence", first!.sequence],
      ["version", first!.version],
    ],
    ciphertext: first!.box,
  };
}

function safeParts(frame: WireFrame): Parts {
  try {
    return partsOf(frame);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return { fields: [["malformed", error.message]], ciphertext: frame.payload };
  }
}

/** Returns a frame as the fields of a JSON object. */
export function frameFields(frame: WireFrame): Record<string, unknown> {
  const { fields, ciphertext } = safeParts(frame);
  return {
    direction: frame.direction,
    kind: kindName(frame.kind),
    length: frame.length,
    ...Object.fromEntries(fields.map(([name, value]) => [name.replaceAll(/[ -]/g, "_"), value])),
    ...(ciphertext === undefined ? {} : { ciphertext: ciphertext.toHex() }),
  };
}

/** Returns a frame as lines of text. */
export function dumpFrame(frame: WireFrame): string[] {
  const { fields, ciphertext } = safeParts(frame);
  const arrow = frame.direction === "sent" ? ">" : "<";
  const head = `${arrow} ${kindName(frame.kind)}, ${frame.length} bytes`;
  const rows = fields.map(([name, value]) => `${arrow}   ${name.padEnd(14)} ${abbreviate(value)}`);
  if (ciphertext === undefined) return [head, ...rows];
  const label = `${arrow}   ciphertext     ${ciphertext.length} bytes, AES-256-GCM`;
  return [head, ...rows, label, ...hexRows(ciphertext).map((row) => `${arrow}     ${row}`)];
}

function abbreviate(value: string | number): string {
  const text = String(value);
  return text.length > 32 ? `${text.slice(0, 32)}...` : text;
}

/** Formats 16 bytes per row as offset, hex and ASCII. */
function hexRows(bytes: Bytes): string[] {
  const rows = [];
  for (let at = 0; at < Math.min(bytes.length, MAX_DUMP_BYTES); at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = [...row].map((b) => b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".").join(
      "",
    );
    rows.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${ascii}`);
  }
  const left = bytes.length - MAX_DUMP_BYTES;
  return left > 0 ? [...rows, `... and ${left} more bytes`] : rows;
}
