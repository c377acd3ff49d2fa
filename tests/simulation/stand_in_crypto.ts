/**
 * A stand-in for WebCrypto: synchronous, so that a run depends on its seed alone, fast, so that ten thousand
 * runs are affordable, and aware of who holds which key.
 *
 * It keeps what the protocol relies on: what was sealed opens under the same key, vector and additional data and
 * under nothing else; a signature holds for its key and its bytes; keys that are derived depend on all that they
 * are derived from. It protects nothing. The real cryptography is for the other tests.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Bytes } from "../../lib/base/bytes.ts";
import type { MemberKeys } from "../../lib/chat/identity/credential.ts";

interface StandInKey {
  readonly raw: string;
}

function hash(...parts: readonly (Uint8Array | string)[]): Bytes {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(part);
  return new Uint8Array(digest.digest());
}

function view(data: BufferSource): Bytes {
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
}

function hex(bytes: Uint8Array): string {
  return bytes.toHex();
}

function rawOf(key: CryptoKey): string {
  return (key as unknown as StandInKey).raw;
}

function keyOf(raw: string): CryptoKey {
  return { raw } as unknown as CryptoKey;
}

/** The keys of a member, by a name that no other has. */
export function standInKeys(name: string): MemberKeys {
  const pair = (use: string): CryptoKeyPair => {
    const key = keyOf(`${use} ${name}`);
    return { publicKey: key, privateKey: key };
  };
  return { identity: pair("identity"), session: pair("session"), signing: pair("signing") };
}

/** Takes the place of `crypto.subtle` for as long as it is installed. */
export class StandInCrypto {
  /** Who computes now: it knows the keys that it imports. */
  actor = "";
  /** Hears what is sealed under which key. */
  sealed: (key: string, plaintext: Bytes, tag: Bytes) => void = () => {};
  readonly #known = new Map<string, Set<string>>();
  readonly #parents = new Map<string, string>();
  readonly #replaced = new Map<string, unknown>();

  /** Who can read what was sealed under a key: who was ever given it, or one that it is derived from. */
  knowers(key: string): Set<string> {
    const knowers = new Set<string>();
    for (let at: string | undefined = key; at !== undefined; at = this.#parents.get(at)) {
      for (const actor of this.#known.get(at) ?? []) knowers.add(actor);
    }
    return knowers;
  }

  /** Takes the place of the real one. */
  install(): void {
    for (
      const name of [
        "digest",
        "importKey",
        "exportKey",
        "deriveBits",
        "deriveKey",
        "encrypt",
        "decrypt",
        "sign",
        "verify",
      ] as const
    ) {
      this.#replaced.set(name, crypto.subtle[name]);
      const own: (...args: never[]) => unknown = this[name];
      // By reflection: the overloads of SubtleCrypto cannot be spelled as one function.
      Reflect.set(crypto.subtle, name, (...args: never[]) => {
        try {
          return Promise.resolve(own.apply(this, args));
        } catch (error) {
          return Promise.reject(error);
        }
      });
    }
  }

  /** Gives way to the real one. */
  uninstall(): void {
    for (const [name, real] of this.#replaced) Reflect.set(crypto.subtle, name, real);
    this.#replaced.clear();
  }

  digest(_algorithm: string, data: BufferSource): ArrayBuffer {
    return hash(view(data)).buffer;
  }

  /** A private key that is imported has the raw form of its public one, from which its seed does not follow. */
  importKey(format: "raw" | "pkcs8", data: BufferSource): CryptoKey {
    if (this.actor === "relay") throw new Error("the relay has a key");
    const raw = hex(format === "raw" ? view(data) : hash("public", view(data)));
    const known = this.#known.get(raw);
    if (known === undefined) this.#known.set(raw, new Set([this.actor]));
    else known.add(this.actor);
    return keyOf(raw);
  }

  /** Exports the public key of a private key that was imported. */
  exportKey(_format: "jwk", key: CryptoKey): JsonWebKey {
    const alphabet = "base64url";
    return { x: Uint8Array.fromHex(rawOf(key)).toBase64({ alphabet, omitPadding: true }) };
  }

  deriveBits({ salt, info }: HkdfParams, key: CryptoKey): ArrayBuffer {
    const bytes = hash(rawOf(key), view(salt), view(info));
    this.#parents.set(hex(bytes), rawOf(key));
    return bytes.buffer;
  }

  deriveKey({ salt, info }: HkdfParams, key: CryptoKey): CryptoKey {
    const raw = hex(hash(rawOf(key), view(salt), view(info)));
    this.#parents.set(raw, rawOf(key));
    return keyOf(raw);
  }

  encrypt(
    algorithm: AesGcmParams & RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): ArrayBuffer {
    const plaintext = view(data);
    if (algorithm.name === "RSA-OAEP") {
      return join(hash(rawOf(key), view(algorithm.label!), plaintext), plaintext).buffer;
    }
    const tag = tagOf(algorithm, key, plaintext);
    this.sealed(rawOf(key), plaintext, tag);
    return join(plaintext, tag).buffer;
  }

  decrypt(
    algorithm: AesGcmParams & RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): ArrayBuffer {
    const bytes = view(data);
    const [plaintext, mark, expected] = algorithm.name === "RSA-OAEP"
      ? [
        bytes.slice(32),
        bytes.slice(0, 32),
        hash(rawOf(key), view(algorithm.label!), bytes.slice(32)),
      ]
      : [bytes.slice(0, -16), bytes.slice(-16), tagOf(algorithm, key, bytes.slice(0, -16))];
    if (hex(mark) !== hex(expected)) throw new DOMException("it does not open", "OperationError");
    return plaintext.buffer;
  }

  sign(_algorithm: unknown, key: CryptoKey, data: BufferSource): ArrayBuffer {
    const mark = hash(rawOf(key), view(data));
    return join(mark, mark).buffer;
  }

  verify(
    _algorithm: unknown,
    key: CryptoKey,
    signature: BufferSource,
    data: BufferSource,
  ): boolean {
    return hex(view(signature).subarray(0, 32)) === hex(hash(rawOf(key), view(data)));
  }
}

function tagOf({ iv, additionalData }: AesGcmParams, key: CryptoKey, plaintext: Bytes): Bytes {
  return hash(rawOf(key), view(iv), view(additionalData!), plaintext).slice(0, 16);
}

function join(a: Uint8Array, b: Uint8Array): Bytes {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
