/**
 * Sealed frames that are nothing but well-formed.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { CONVERSATION, encodeSealedHeader, encodeSigned } from "../../lib/chat/wire/envelope.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";

/** A frame to an audience, everyone by default, with a signature of zeros: a relay forwards it, a member reports a fault. */
export function unsignedFrame(sender: Bytes, ciphertextBytes = 17, audience = 0): Bytes {
  const none = new Uint8Array(32);
  const header = encodeSealedHeader({
    sender,
    conversation: CONVERSATION.group,
    audience,
    chain: 0,
    step: 0,
    counter: 0,
    membership: 1,
    newest: 1000,
    recipients: none,
    commitment: none,
  });
  const body = new Uint8Array([...header, ...new Uint8Array(ciphertextBytes)]);
  return encodeSigned(KIND.sealed, body, new Uint8Array(64));
}

/** So many of them behind one another. */
export function repeated(frame: Bytes, times: number): Bytes {
  const bytes = new Uint8Array(frame.length * times);
  for (let i = 0; i < times; i++) bytes.set(frame, i * frame.length);
  return bytes;
}
