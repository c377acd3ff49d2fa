/**
 * Invitations (`docs/protocol.md`): the secret and the key pair derived from it, the link that carries the secret,
 * what the key signs, and the notices between a guest and its inviter.
 *
 * @module
 */

import { type Bytes, ByteWriter, concat, MalformedError, readWhole } from "../../base/bytes.ts";
import { canonicalHost, hostPort, isLoopback } from "../../base/host_port.ts";
import {
  CONTEXT,
  importSigningKey,
  inContext,
  sign,
  SIGNATURE_BYTES,
  SIGNING_KEY_BYTES,
  verify,
} from "../identity/signing.ts";
import { type Laid, Layout } from "./frame.ts";
import { DEFAULT_PORT, isRoomName } from "./kinds.ts";

/** The length of an invitation's secret in bytes. */
export const INVITATION_SECRET_BYTES = 16;
/** How many bytes of the inviter's fingerprint a link has. */
export const INVITER_BYTES = 16;

// The secret and its key.

/** An invitation, as those who know its secret have it. */
export interface Invitation {
  /** 16 random bytes. */
  readonly secret: Bytes;
  /** The Ed25519 public key, 32 bytes. Who knows only this can let a guest in, and cannot be a guest. */
  readonly publicKey: Bytes;
  /** The private key. */
  readonly key: CryptoKey;
}

/** The start of an Ed25519 private key in PKCS #8 (RFC 8410 section 7). The seed follows. */
const PKCS8_PREFIX: Bytes = Uint8Array.fromHex("302e020100300506032b657004220420");

/**
 * Derives the key pair of an invitation from its secret.
 *
 * @param secret 16 bytes.
 * @throws {MalformedError} If the secret has another length.
 */
export async function openInvitation(secret: Bytes): Promise<Invitation> {
  if (secret.length !== INVITATION_SECRET_BYTES) {
    throw new MalformedError(`the secret of an invitation has ${secret.length} bytes, not 16`);
  }
  const { subtle } = crypto;
  const material = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derivation = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(0),
    info: CONTEXT.invitationKey,
  };
  const seed = new Uint8Array(await subtle.deriveBits(derivation, material, 256));
  const encoded = concat([PKCS8_PREFIX, seed]);
  // Only the JWK form of a private key tells the public one.
  const readable = await subtle.importKey("pkcs8", encoded, { name: "Ed25519" }, true, ["sign"]);
  const { x = "" } = await subtle.exportKey("jwk", readable);
  const publicKey = Uint8Array.fromBase64(x, { alphabet: "base64url" });
  const key = await subtle.importKey("pkcs8", encoded, { name: "Ed25519" }, false, ["sign"]);
  return { secret: secret.slice(), publicKey, key };
}

// The link.

/** Where an invitation leads, its secret, and who made it. */
export interface InvitationTarget {
  /** A name or an address, without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** What a proxy serves the page under, in URL form, such as `/parley`. A link of `parley` has none. */
  readonly prefix?: string;
  /** The name of the room. */
  readonly room: string;
  /** 16 bytes. */
  readonly secret: Bytes;
  /** The first 16 bytes of the hash that the inviter's fingerprint shows: {@linkcode inviterOf}. */
  readonly inviter: Bytes;
}

/** How a link is to be opened: by parley itself, or by a browser. */
export type LinkScheme = "parley" | "https" | "http";

/** A link that was read. */
export interface InvitationLink extends InvitationTarget {
  /** How it is to be opened. */
  readonly scheme: LinkScheme;
}

/** The port of each scheme where a link names none. */
const PORTS: Readonly<Record<LinkScheme, number>> = { parley: DEFAULT_PORT, https: 443, http: 80 };

const BASE64_URL = { alphabet: "base64url", omitPadding: true } as const;

/** The longest link: a host of 255 bytes, and a room's name of 64 bytes that are all escaped. */
export const MAX_LINK_LENGTH = 512;

/** A name in the form that travels (punycode for others than ASCII), an IPv4 address, or an IPv6 address. */
const AUTHORITY = /^([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Segments of a path (RFC 3986 section 3.3) that are not empty. A server that decodes an escaped slash or backslash
 * would see more segments than these.
 */
const PREFIX = /^(?:\/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%(?!2[Ff]|5[Cc])[0-9A-Fa-f]{2})+)*$/;
/** A segment that stands for another place in the path. */
const DOTS = /\/(?:\.|%2e){1,2}(?=\/|$)/i;

/**
 * Returns the first bytes of the hash that a fingerprint shows.
 *
 * @param fingerprint `SHA256:` and unpadded base64, of a checked credential.
 */
export function inviterOf(fingerprint: string): Bytes {
  return Uint8Array.fromBase64(fingerprint.slice("SHA256:".length)).slice(0, INVITER_BYTES);
}

/**
 * Writes the link of an invitation.
 *
 * @param target Where it leads.
 * @param scheme `parley` by default; `http` only for this machine.
 * @returns `parley://HOST:PORT/ROOM#SECRET`, with the prefix before the room if there is one. The default port of the
 *   scheme is left out.
 * @throws {MalformedError} If the target does not fit into a link.
 */
export function invitationLink(target: InvitationTarget, scheme: LinkScheme = "parley"): string {
  const { prefix = "", room, secret, inviter } = target;
  const hostname = canonicalHost(target.host);
  const isPlain = target.port === PORTS[scheme];
  const authority = isPlain
    ? hostPort({ hostname, port: 0 }).slice(0, -":0".length)
    : hostPort({ hostname, port: target.port });
  const fragment = concat([secret, inviter]).toBase64(BASE64_URL);
  const link = `${scheme}://${authority}${prefix}/${roomSegment(room)}#${fragment}`;
  readInvitationLink(link);
  return link;
}

/**
 * Writes the name of a room as the last segment of an address. The chat's page takes an address that ends in `.html`
 * for that of a file, so that dot is escaped.
 */
export function roomSegment(room: string): string {
  return encodeURIComponent(room).replace(/\.(?=html$)/, "%2E");
}

/**
 * Reads the link of an invitation.
 *
 * @param text `parley://HOST[:PORT][/ROOM]#SECRET`, or the same with `https`, or `http` for this machine. These may
 *   have a prefix before the room.
 * @throws {MalformedError} If it is not such a link. The message contains no part of the link.
 */
export function readInvitationLink(text: string): InvitationLink {
  if (text.length > MAX_LINK_LENGTH) {
    throw noLink(`it has ${text.length} characters, more than ${MAX_LINK_LENGTH}`);
  }
  const foreign = text.search(/[^\x21-\x7e]/);
  if (foreign >= 0) {
    throw noLink(
      `character ${foreign + 1} is a blank, a control or not ASCII: copy the link alone`,
    );
  }
  const [, written, rest = ""] = /^(parley|https?):\/\/(.*)$/i.exec(text) ?? [];
  if (written === undefined) throw noLink("it does not begin with parley://, https:// or http://");
  // RFC 3986 section 3.1.
  const scheme = written.toLowerCase() as LinkScheme;
  const hash = rest.indexOf("#");
  if (hash < 0) throw noLink("what follows # is missing: put the link into quotes for the shell");
  const [authority = "", ...path] = rest.slice(0, hash).split("/");
  const room = path.pop() ?? "";
  const link = {
    scheme,
    ...readAuthority(authority, PORTS[scheme]),
    ...readPrefix(path, scheme),
    room: readRoom(room),
    ...readFragment(rest.slice(hash + 1)),
  };
  if (scheme === "http" && !isThisMachine(link.host)) {
    throw noLink("http is for this machine alone, since a browser gives no cryptography to others");
  }
  return link;
}

function noLink(why: string): MalformedError {
  return new MalformedError(`this is no link of an invitation: ${why}`);
}

function readAuthority(authority: string, defaultPort: number): { host: string; port: number } {
  const [, host, digits] = AUTHORITY.exec(authority) ?? [];
  if (host === undefined) throw noLink("what follows :// is not HOST or HOST:PORT");
  if (URL.parse(`http://${host}/`) === null) throw noLink("its host is not valid");
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) throw noLink("its port is not between 1 and 65535");
  return { host: canonicalHost(host), port };
}

function readPrefix(
  segments: readonly string[],
  scheme: LinkScheme,
): Pick<InvitationTarget, "prefix"> {
  if (segments.length === 0) return {};
  if (scheme === "parley") throw noLink("there is more than a room's name between the host and #");
  const prefix = segments.map((segment) => `/${segment}`).join("");
  if (PREFIX.test(prefix) && !DOTS.test(prefix)) return { prefix };
  throw noLink("what is between the host and the room's name is no path");
}

function readRoom(text: string): string {
  const name = decoded(text);
  if (name === undefined || !isRoomName(name)) throw noLink("the room's name is not valid");
  return name;
}

/** Decodes percent-encoding; undefined if it is malformed. */
function decoded(text: string): string | undefined {
  // What has a meaning of its own in a link stands for nothing else.
  if (/[?\\]/.test(text)) return undefined;
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function readFragment(fragment: string): Pick<InvitationTarget, "secret" | "inviter"> {
  const { length } = fragment;
  if (length !== 43) throw noLink(`it is not whole: ${length} characters follow #, not 43`);
  const isWritten = /^[A-Za-z0-9_-]+$/.test(fragment);
  const bytes = isWritten ? Uint8Array.fromBase64(fragment, BASE64_URL) : undefined;
  if (bytes?.toBase64(BASE64_URL) !== fragment) {
    throw noLink("what follows # was changed: copy the link again");
  }
  return {
    secret: bytes.slice(0, INVITATION_SECRET_BYTES),
    inviter: bytes.slice(INVITATION_SECRET_BYTES),
  };
}

function isThisMachine(host: string): boolean {
  return host === "localhost" || isLoopback(host.includes(":") ? `[${host}]` : host);
}

// What the key signs.

/** The room and the two members of a proof, as the hashes that stand for them in everything that is signed. */
export interface InvitationPlace {
  /** The room's id. */
  readonly room: Bytes;
  /** The inviter's member hash. */
  readonly inviter: Bytes;
  /** The guest's member hash. */
  readonly guest: Bytes;
}

/** Returns the statement that a guest signs for its inviter. */
export function inviterStatement({ room, inviter, guest }: InvitationPlace): Bytes {
  return inContext(CONTEXT.invitation, room, inviter, guest);
}

/**
 * Returns the statement that a guest signs for a relay.
 *
 * @param transcript The greeting and the challenge's payload.
 * @param guest The guest's member hash.
 */
export function relayStatement(transcript: Bytes, guest: Bytes): Bytes {
  return inContext(CONTEXT.invitationJoin, transcript, guest);
}

const PROOF = new Layout({ publicKey: SIGNING_KEY_BYTES, signature: SIGNATURE_BYTES });

/** A public key of an invitation, and a signature by it. */
export type InvitationProof = Laid<typeof PROOF>;

/** Encodes a proof, and reads one, of which only the length is checked. */
export const { encode: encodeProof, decode: readProof } = PROOF;

/** Makes a guest's proof: it signs a statement with the key of its invitation. */
export async function signProof(
  { publicKey, key }: Invitation,
  statement: Bytes,
): Promise<InvitationProof> {
  return { publicKey, signature: await sign(key, statement) };
}

/** Returns whether a proof holds for a statement. */
export async function verifyProof(
  { publicKey, signature }: InvitationProof,
  statement: Bytes,
): Promise<boolean> {
  try {
    return await verify(await importSigningKey(publicKey), signature, statement);
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

// The notices.

/** What an inviter answers to a proof, by its number on the wire. */
export const INVITATION_ANSWERS = ["accepted", "used", "over"] as const;

/** What an inviter answers to a proof. */
export type InvitationAnswer =
  /** The guest is invited. */
  | "accepted"
  /** Another identity has used the invitation, which is for one. */
  | "used"
  /** The invitation has expired, was withdrawn, or is not known. */
  | "over";

/** What a guest and its inviter tell each other. */
export type InvitationNotice =
  /** Guest to inviter. */
  | { readonly kind: "proof"; readonly proof: InvitationProof }
  /** Inviter to guest. */
  | { readonly kind: "answer"; readonly publicKey: Bytes; readonly answer: InvitationAnswer };

const NOTICE = { proof: 1, answer: 2 } as const;

/** Encodes the body of a notice of invitations. */
export function encodeInvitationNotice(notice: InvitationNotice): Bytes {
  const writer = new ByteWriter(128).u8(NOTICE[notice.kind]);
  if (notice.kind === "proof") return writer.raw(encodeProof(notice.proof)).finish();
  return writer.raw(notice.publicKey).u8(INVITATION_ANSWERS.indexOf(notice.answer)).finish();
}

/**
 * Reads the body of a notice of invitations.
 *
 * @throws {MalformedError} If it is malformed, or a number in it is not known.
 */
export function readInvitationNotice(body: Bytes): InvitationNotice {
  return readWhole(body, (reader) => {
    const kind = reader.u8();
    if (kind === NOTICE.proof) return { kind: "proof", proof: PROOF.read(reader) };
    if (kind !== NOTICE.answer) throw new MalformedError(`a notice of invitations is a ${kind}`);
    const publicKey = reader.raw(SIGNING_KEY_BYTES).slice();
    const answer = INVITATION_ANSWERS[reader.u8()];
    if (answer === undefined) throw new MalformedError("an answer to a proof is not known");
    return { kind: "answer", publicKey, answer };
  });
}
