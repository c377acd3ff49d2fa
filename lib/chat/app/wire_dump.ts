/**
 * Decodes the frames on the wire for `--wire`: their kind, length and fields, and the ciphertext in
 * hex.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { readKeyFrame, readSealedFrame } from "../wire/envelope.ts";
import { type Frame, FrameError, FrameReader } from "../wire/frame.ts";
import { BOUND, encodeGreeting, KIND, kindName } from "../wire/kinds.ts";

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
  /**
   * The bytes of the greeting still to skip. The greeting comes before the member's first frame.
   */
  #greeting = encodeGreeting().length;

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
    let rest = bytes;
    if (direction === this.#greeter && this.#greeting > 0) {
      const skipped = Math.min(this.#greeting, bytes.length);
      this.#greeting -= skipped;
      rest = bytes.subarray(skipped);
    }
    for (const { kind, payload, bytes: { length } } of this.#readers[direction].push(rest)) {
      this.#frame({ direction, kind, payload, length });
    }
  }
}

const CONVERSATION_NAMES = ["group", "private", "again"] as const;

interface Parts {
  /** Names and values in wire order. */
  readonly fields: readonly (readonly [string, string | number])[];
  readonly ciphertext: Bytes | undefined;
}

function partsOf({ kind, payload }: Pick<Frame, "kind" | "payload">): Parts {
  if (kind === KIND.sealed) return sealedParts(payload);
  if (kind === KIND.key) return keyParts(payload);
  return { fields: [], ciphertext: undefined };
}

function sealedParts(payload: Bytes): Parts {
  const { header, ciphertext, signature } = readSealedFrame(payload);
  return {
    fields: [
      ["sender", header.sender.toHex()],
      ["conversation", CONVERSATION_NAMES[header.conversation]],
      ["audience", header.audience],
      ["chain", header.chain],
      ["step", header.step],
      ["counter", header.counter],
      ["membership", header.membership],
      ["newest", header.newest],
      ["recipients", header.recipients.toHex()],
      ["commitment", header.commitment.toHex()],
      ["signature", signature.toHex()],
    ],
    ciphertext,
  };
}

function keyParts(payload: Bytes): Parts {
  const { header, wrappedPairwise, use, box, signature } = readKeyFrame(payload);
  return {
    fields: [
      ["sender", header.sender.toHex()],
      ["recipient", header.recipient.toHex()],
      ["conversation", CONVERSATION_NAMES[header.conversation]],
      ["chain", header.chain],
      ["step", header.step],
      ["first counter", header.firstCounter],
      ["commitment", header.commitment.toHex()],
      ["RSA-OAEP bytes", wrappedPairwise.length],
      ["use", use],
      ["signature", signature.toHex()],
    ],
    ciphertext: box,
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
