/**
 * The fixed vectors of the protocol, and what tests read of them.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
// @ts-types="../../../types/std.d.ts"
import { decodeHex, encodeHex } from "@std/encoding/hex";
import type { Bytes } from "../../../lib/base/bytes.ts";
import { checkCredential } from "../../../lib/chat/identity/credential.ts";
import { verify } from "../../../lib/chat/identity/signing.ts";
import { FrameReader } from "../../../lib/chat/wire/frame.ts";
import { BOUND, kindName } from "../../../lib/chat/wire/kinds.ts";
import vectors from "../../vectors/chat.json" with { type: "json" };

export const NOW = vectors.expiresAt - 1000;
export const NONE = new Uint8Array(0);
export const room = bytes(vectors.room);
export const [ada, bo] = vectors.members as [typeof vectors.members[0], typeof vectors.members[0]];
export const frames: Record<string, string> = vectors.frames;
export const transcript = bytes(vectors.transcript);
export const version = vectors.history.contexts.length - 1;
export const context = bytes(vectors.history.contexts[version]!);
export const scope = { room, sender: bytes(ada.member), chain: vectors.chain.number };
export const pair = { room, sender: bytes(ada.member), recipient: bytes(bo.member) };
export const at = { version, context };

export function bytes(hex: string): Bytes {
  return decodeHex(hex).slice();
}

/** The payload of a frame among the vectors, through the reader of frames. */
export function payload(name: string): Bytes {
  const [frame, ...rest] = new FrameReader(() => BOUND.frame).push(bytes(frames[name]!));
  assertEquals(rest, []);
  assertEquals(kindName(frame!.kind), name.split(",")[0]);
  return frame!.payload;
}

/** Compares an encoded frame with the vector of its name. */
export function assertFrame(name: string, made: Bytes | readonly Bytes[]): void {
  assertEquals(encodeHex(made instanceof Uint8Array ? made : concat(made)), frames[name], name);
}

export function signingKey(): Promise<CryptoKey> {
  return crypto.subtle.importKey("pkcs8", bytes(ada.signing), "Ed25519", false, ["sign"]);
}

export function boSessionKey(): Promise<CryptoKey> {
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  return crypto.subtle.importKey("pkcs8", bytes(bo.session), algorithm, false, ["decrypt"]);
}

export async function adaVerifies(signature: Bytes, statement: Bytes): Promise<boolean> {
  const { signing } = await checkCredential(bytes(ada.credential), NOW);
  return await verify(signing, signature, statement);
}
