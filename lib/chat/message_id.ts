/**
 * Ids of messages: who sent it, and which of its messages it is.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_base64url.d.ts"
import { encodeBase64Url } from "@std/encoding/base64url";
import type { Bytes } from "./bytes.ts";

/**
 * Makes the ids of one member's messages.
 *
 * @param member The member's hash; half of it tells members apart.
 * @returns A function from a message's number to its id.
 */
export function messageIds(member: Bytes): (number: number) => string {
  const prefix = encodeBase64Url(member.subarray(0, 16));
  return (number) => `${prefix}.${number}`;
}
