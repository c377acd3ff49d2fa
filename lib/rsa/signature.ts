/**
 * Signatures of documents: RSASSA-PSS and RSASSA-PKCS1-v1_5 (RFC 8017 section 8). A document is read once, piece by
 * piece, so it may have any size.
 *
 * @module
 */

import { type Bytes, concat } from "../base/bytes.ts";
import {
  der,
  DerError,
  derIdentifier,
  DerReader,
  KeyFileError,
  numberBytes,
  powerModulo,
  TAG,
  toNumber,
  writePem,
} from "./der.ts";
import { HASHES } from "./key_der.ts";
import {
  privateKeyOf,
  privatePartOf,
  publicKeyOf,
  requirePss,
  type RsaKey,
} from "./key_formats.ts";

const PSS = { name: "RSA-PSS", saltLength: 32 } as const;

/**
 * Signs a document with RSASSA-PSS, SHA-256 and a salt of 32 bytes (RFC 8017 section 8.1).
 *
 * @param key A private key.
 * @param document The document's bytes.
 * @returns The signature, as long as the modulus.
 * @throws {KeyFileError} If the key is not a private key.
 */
export async function signDocument(key: RsaKey, document: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "pss256");
  return new Uint8Array(await crypto.subtle.sign(PSS, privateKey, document));
}

/**
 * Verifies a signature that {@linkcode signDocument} or `openssl dgst` made.
 *
 * @param key A public or private key.
 * @param signature The signature.
 * @param document The document's bytes.
 * @returns Whether the signature is valid.
 */
export async function verifyDocument(
  key: RsaKey,
  signature: Bytes,
  document: Bytes,
): Promise<boolean> {
  return await crypto.subtle.verify(PSS, await publicKeyOf(key, "pss256"), signature, document);
}

/** The hash functions that documents are signed with. */
export const SIGNATURE_HASHES = ["SHA-256", "SHA-384", "SHA-512"] as const;

/** A hash function that documents are signed with. */
export type SignatureHash = typeof SIGNATURE_HASHES[number];

/** How a document is signed. */
export interface SignatureOptions {
  /** RSASSA-PSS (the default) or RSASSA-PKCS1-v1_5. */
  readonly padding?: "pss" | "pkcs1";
  /** The hash function of the document, and of MGF1; SHA-256 by default, or the only one that the key allows. */
  readonly hash?: SignatureHash;
  /** The length of the salt of RSASSA-PSS in bytes; that of the hash by default, or what the key demands. */
  readonly saltBytes?: number;
}

/** The lengths of digests in bytes, by the names of hash functions. */
const DIGEST_BYTES: Readonly<Record<string, number>> = {
  "MD5": 16,
  "SHA-1": 20,
  "SHA-224": 28,
  "SHA-256": 32,
  "SHA-384": 48,
  "SHA-512": 64,
  "SHA-512/224": 28,
  "SHA-512/256": 32,
};

/** Thrown if a key cannot make a signature with a salt of that length. */
export class SaltError extends Error {
  /** Creates the error from the largest length, in bytes. */
  constructor(readonly maxBytes: number) {
    super(`a salt of this key and hash has at most ${maxBytes} bytes`);
    this.name = "SaltError";
  }
}

/** A prepared signature: feed it the document, then finish it. */
export type Signing = (document: AsyncIterable<Uint8Array>) => Promise<Bytes>;

/**
 * Prepares the signature of a document of any size, so that a wrong key or option is reported before the document is
 * read.
 *
 * @param key A private key.
 * @param options The padding, the hash function and the length of the salt.
 * @returns A function that reads the document and returns the signature, which is as long as the modulus.
 * @throws {KeyFileError} `KEY_PUBLIC`, or `KEY_PSS` if the key does not allow such a signature.
 * @throws {SaltError} If the salt is too long.
 */
export async function startSigning(key: RsaKey, options: SignatureOptions = {}): Promise<Signing> {
  const pem = writePem("PRIVATE KEY", privatePartOf(key));
  const { padding = "pss" } = options;
  const hash = options.hash ?? SIGNATURE_HASHES.find((one) => one === key.pss?.hash) ?? "SHA-256";
  const digestBytes = DIGEST_BYTES[hash]!;
  const salt = options.saltBytes ?? Math.max(digestBytes, key.pss?.minSaltBytes ?? 0);
  if (padding === "pkcs1") {
    if (key.pss !== undefined) throw notPkcs1();
  } else {
    if (key.pss !== undefined) requirePss(key.pss, hash, salt);
    const maxBytes = Math.ceil((key.modulusBits - 1) / 8) - digestBytes - 2;
    if (salt > maxBytes) throw new SaltError(maxBytes);
  }
  const { constants, createSign } = await import("node:crypto");
  return async (document) => {
    const signer = createSign(nodeName(hash));
    for await (const piece of document) signer.update(piece);
    const how = padding === "pss"
      ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }
      : { padding: constants.RSA_PKCS1_PADDING };
    return new Uint8Array(signer.sign({ key: pem, ...how }));
  };
}

function notPkcs1(): KeyFileError {
  return new KeyFileError(
    "KEY_PSS",
    "the key is for RSASSA-PSS signatures alone, not for PKCS#1 v1.5",
    "use it as it allows, or name another key",
  );
}

/** The name of a hash function in `node:crypto`. */
function nodeName(hash: string): string {
  return hash.toLowerCase().replace(/^sha-(?=\d)/, "sha").replace("/", "-");
}

/** How a signature was made, as far as the signature itself tells. */
export interface SignatureKind {
  /** RSASSA-PSS or RSASSA-PKCS1-v1_5. */
  readonly padding: "pss" | "pkcs1";
  /** The hash function of the document, such as `SHA-256`. */
  readonly hash: string;
  /** The length of the salt of RSASSA-PSS, in bytes. */
  readonly saltBytes?: number;
  /** The hash function of MGF1 in RSASSA-PSS. */
  readonly maskHash?: string;
}

/** The outcome of a verification. */
export interface Verification {
  /** Whether the key made the signature for this document, in a way that is secure. */
  readonly holds: boolean;
  /** How the signature was made; undefined if the key did not make it. */
  readonly kind?: SignatureKind;
  /** Why it does not hold. */
  readonly why?: string;
}

/** A kind of signature that fits, with the part of the signature that the document's digest must lead to. */
interface Candidate {
  readonly kind: SignatureKind;
  matches(digest: Bytes, hash: HashOf): boolean;
}

/** Hashes bytes with a hash function of this name. */
type HashOf = (name: string, ...parts: readonly Uint8Array[]) => Bytes;

/**
 * Verifies the signature of a document of any size, however it was made: RSASSA-PSS with any salt, or RSASSA-PKCS1-v1_5.
 *
 * @param key A public or private key.
 * @param signature The signature.
 * @param document The document, which is read once, unless the signature cannot be of this key.
 * @returns Whether it holds, how it was made, and why it does not hold.
 */
export async function verifyStream(
  key: RsaKey,
  signature: Bytes,
  document: AsyncIterable<Uint8Array>,
): Promise<Verification> {
  const bytes = Math.ceil(key.modulusBits / 8);
  if (signature.length !== bytes) {
    const why = `the signature has ${signature.length} bytes, and those of this key have ${bytes}`;
    return { holds: false, why };
  }
  const { createHash } = await import("node:crypto");
  const hash: HashOf = (name, ...parts) => {
    const state = createHash(nodeName(name));
    for (const part of parts) state.update(part);
    return new Uint8Array(state.digest());
  };
  const candidates = candidatesOf(key, signature, hash);
  if (candidates.length === 0) return { holds: false, why: "the signature is not of this key" };
  const names = new Set(candidates.map(({ kind }) => kind.hash));
  const states = [...names].map((name) => ({ name, state: createHash(nodeName(name)) }));
  for await (const piece of document) for (const { state } of states) state.update(piece);
  const digests = new Map(
    states.map(({ name, state }) => [name, new Uint8Array(state.digest())]),
  );
  const found = candidates.find((one) => one.matches(digests.get(one.kind.hash)!, hash));
  if (found === undefined) return unmatched(candidates);
  const why = objection(key, found.kind);
  return { holds: why === undefined, kind: found.kind, ...(why === undefined ? {} : { why }) };
}

function unmatched(candidates: readonly Candidate[]): Verification {
  // Of several candidates, all but one fit by chance.
  const [first, second] = candidates;
  const why = "the signature does not belong to this key and this document";
  if (first?.kind.padding !== "pkcs1" || second !== undefined) return { holds: false, why };
  return { holds: false, why: "the key made the signature, but for another document" };
}

/** Why a signature that fits is not accepted. */
function objection({ pss }: RsaKey, kind: SignatureKind): string | undefined {
  const name = kindText(kind);
  if (!SIGNATURE_HASHES.some((one) => one === kind.hash)) {
    const weak = kind.hash === "MD5" || kind.hash === "SHA-1";
    return `the signature is ${name}, which is ${weak ? "not secure" : "not supported"}`;
  }
  if (pss === undefined) return undefined;
  const { hash = kind.hash, maskHash = kind.maskHash, minSaltBytes } = pss;
  const allowed = kind.padding === "pss" && hash === kind.hash && maskHash === kind.maskHash &&
    kind.saltBytes! >= minSaltBytes;
  return allowed ? undefined : `the signature is ${name}, which the key does not allow`;
}

/** Describes a kind of signature: `RSASSA-PSS with SHA-256 and a salt of 32 bytes`. */
export function kindText({ padding, hash, saltBytes, maskHash }: SignatureKind): string {
  if (padding === "pkcs1") return `PKCS#1 v1.5 with ${hash}`;
  const mask = maskHash === hash ? "" : `, MGF1 with ${maskHash}`;
  return `RSASSA-PSS with ${hash}${mask} and a salt of ${saltBytes} bytes`;
}

/** Opens a signature with the public key, and returns the kinds that it may be of. */
function candidatesOf(
  { spki, exponent, modulusBits }: RsaKey,
  signature: Bytes,
  hash: HashOf,
): Candidate[] {
  const modulus = toNumber(modulusOf(spki));
  const number = toNumber(signature);
  if (number >= modulus) return [];
  const opened = powerModulo(number, exponent, modulus);
  const pkcs1 = pkcs1Candidate(numberBytes(opened, signature.length));
  return pkcs1 === undefined ? pssCandidates(opened, modulusBits - 1, hash) : [pkcs1];
}

function modulusOf(spki: Bytes): Bytes {
  const body = new DerReader(spki).sequence();
  body.sequence();
  return new DerReader(body.read(TAG.bitString).subarray(1)).sequence().unsigned();
}

/** Reads EMSA-PKCS1-v1_5: 0, 1, at least eight 0xff, 0, then the hash function and the digest (RFC 8017 section 9.2). */
function pkcs1Candidate(encoded: Bytes): Candidate | undefined {
  const end = encoded.indexOf(0, 1);
  if (encoded[0] !== 0 || encoded[1] !== 1 || end < 10) return undefined;
  if (!encoded.subarray(2, end).every((byte) => byte === 0xff)) return undefined;
  const info = encoded.subarray(end + 1);
  const id = hashOfInfo(info);
  const hash = id === undefined ? undefined : HASHES[id];
  if (id === undefined || hash === undefined || DIGEST_BYTES[hash] === undefined) return undefined;
  return {
    kind: { padding: "pkcs1", hash },
    // The whole structure is compared, as RFC 8017 section 8.2.2 demands: no byte of it is free.
    matches: (digest) => digestInfo(id, digest).toHex() === info.toHex(),
  };
}

function hashOfInfo(info: Bytes): string | undefined {
  try {
    return new DerReader(info).sequence().sequence().identifier();
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function digestInfo(id: string, digest: Bytes): Bytes {
  const algorithm = der(TAG.sequence, derIdentifier(id), der(TAG.null));
  return der(TAG.sequence, algorithm, der(TAG.octetString, digest));
}

/** Reads EMSA-PSS for each pair of hash functions (RFC 8017 section 9.1.2). Few pairs but the right one fit. */
function pssCandidates(opened: bigint, bits: number, hash: HashOf): Candidate[] {
  const length = Math.ceil(bits / 8);
  const encoded = numberBytes(opened, length);
  if (encoded.length !== length || opened >> BigInt(bits) !== 0n) return [];
  if (encoded.at(-1) !== 0xbc) return [];
  const names = Object.keys(DIGEST_BYTES);
  return names.flatMap((name) =>
    names.flatMap((maskHash) => {
      const split = length - DIGEST_BYTES[name]! - 1;
      if (split < 1) return [];
      const proof = encoded.subarray(split, -1);
      const salt = saltOf(
        encoded.subarray(0, split),
        8 * length - bits,
        mask(maskHash, proof, split, hash),
      );
      if (salt === undefined) return [];
      const kind = { padding: "pss", hash: name, saltBytes: salt.length, maskHash } as const;
      const matches = (digest: Bytes) =>
        hash(name, new Uint8Array(8), digest, salt).toHex() === proof.toHex();
      return [{ kind, matches }];
    })
  );
}

/** Unmasks the data block: zeros, 1, the salt. Returns the salt, or undefined if it is another structure. */
function saltOf(masked: Bytes, freeBits: number, mask: Bytes): Bytes | undefined {
  const block = masked.map((byte, i) => byte ^ mask[i]!);
  block[0]! &= 0xff >> freeBits;
  const start = block.findIndex((byte) => byte !== 0);
  return start < 0 || block[start] !== 1 ? undefined : block.subarray(start + 1);
}

/** MGF1 (RFC 8017 appendix B.2.1). */
function mask(name: string, seed: Bytes, length: number, hash: HashOf): Bytes {
  const parts: Bytes[] = [];
  const count = Math.ceil(length / DIGEST_BYTES[name]!);
  for (let i = 0; i < count; i++) {
    parts.push(hash(name, seed, new Uint8Array([i >> 24, i >> 16, i >> 8, i])));
  }
  return concat(parts).subarray(0, length);
}
