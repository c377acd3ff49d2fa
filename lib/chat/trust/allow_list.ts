/**
 * Reads a server's allow list (one fingerprint a line, with comments) and the file of a member's own identity.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable, shellPath } from "../../base/printable.ts";
import { fileFailure } from "../../os/errors.ts";
import { readWhole } from "../../os/files.ts";
import {
  anothers,
  bitsOf,
  directoryOf,
  HeldFile,
  ownerIfOther,
  readAll,
} from "../../os/held_file.ts";
import { readKeyFile, withKeyFailures } from "../../os/input_output.ts";
import { privateKeyOf, publicKeyOf, type RsaKey } from "../../rsa/key_formats.ts";
import { MODULUS_BOUNDS } from "../../rsa/rsa.ts";
import { isFingerprint } from "./known_peers.ts";

/** The error of a malformed line. */
export class AllowListError extends Error {
  /**
   * @param line The line's number, from 1.
   * @param message What is wrong with the line.
   */
  constructor(readonly line: number, message: string) {
    super(message);
    this.name = "AllowListError";
  }
}

/**
 * Parses an allow list. It skips empty lines and everything after a `#`.
 *
 * @param text The text of the file.
 * @returns The fingerprints, each `SHA256:` and 43 characters.
 * @throws {AllowListError} If a line is not a fingerprint; the error has the line's number.
 */
export function readAllowList(text: string): ReadonlySet<string> {
  const fingerprints = new Set<string>();
  for (const [i, line] of text.replace(/^\ufeff/, "").split("\n").entries()) {
    const word = line.replace(/#.*$/s, "").trim();
    if (word === "") continue;
    if (!isFingerprint(word)) {
      throw new AllowListError(i + 1, "not one fingerprint (SHA256: and 43 characters)");
    }
    fingerprints.add(word);
  }
  return fingerprints;
}

/** The size limit of a list in bytes: about 300,000 fingerprints. */
const MAX_FILE_BYTES = 16 << 20;

/** The file of an allow list, which can be read repeatedly. */
export interface AllowFile {
  /**
   * Whether each read opens the file again by its path, which needs read permission for the file.
   * Otherwise each read uses the file handle that was opened first and needs no permission.
   */
  readonly reopened: boolean;
  /**
   * Reads the list.
   *
   * @returns The fingerprints.
   * @throws {Failure} `ALLOW_LIST_MALFORMED` with the line's number, `REPLACED` if another file has
   * replaced the open one, or the error of the file system.
   */
  read(): Promise<ReadonlySet<string>>;
}

/**
 * Opens the file of an allow list. If the process has read permission for this file but not for its
 * directory, the file is reopened at each read, so that a list saved by replacing the file is
 * found.
 *
 * @param path The path of the file.
 * @param replaced Called once if another file has replaced the open one and this is noticed.
 * @returns The file.
 * @throws {Failure} The error of the file system, or `NOT_A_FILE`.
 */
export async function openAllowFile(
  path: string,
  replaced: (failure: Failure) => void = () => {},
): Promise<AllowFile> {
  if (isGrantedAlone(path)) {
    return { reopened: true, read: async () => parse(path, await readWhole(path, MAX_FILE_BYTES)) };
  }
  try {
    const held = await HeldFile.open(path, { replaced: () => replaced(replacedFailure(path)) });
    return { reopened: false, read: () => readHeld(path, held) };
  } catch (error) {
    throw fileFailure(error, `cannot read ${printable(path)}`);
  }
}

function isGrantedAlone(path: string): boolean {
  const granted = (path: string) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
  return granted(path) && !granted(directoryOf(path));
}

async function readHeld(path: string, held: HeldFile): Promise<ReadonlySet<string>> {
  if (held.replaced) throw replacedFailure(path);
  const what = `cannot read ${printable(path)}`;
  try {
    return parse(path, await readAll(held.file, MAX_FILE_BYTES));
  } catch (error) {
    if (!(error instanceof RangeError)) throw fileFailure(error, what);
    const why = `it has more than ${MAX_FILE_BYTES} bytes`;
    throw new Failure({ what, why, code: "FILE_TOO_LARGE", hint: "is it the right file?" });
  }
}

function replacedFailure(path: string): Failure {
  return new Failure({
    what: `cannot read ${printable(path)}`,
    why: "another file has replaced it, and the server may not open that one: restart the server",
    code: "REPLACED",
    hint: "while the server runs, edit the list in place",
  });
}

function parse(path: string, bytes: Uint8Array): ReadonlySet<string> {
  try {
    return readAllowList(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof AllowListError)) throw error;
    throw new Failure({
      what: `cannot read ${printable(path)}`,
      why: `line ${error.line}: ${error.message}`,
      code: "ALLOW_LIST_MALFORMED",
      hint: "each line is a fingerprint, SHA256:…; a comment starts with #",
    });
  }
}

/**
 * Reads an identity: an RSA private key of 2048 to 4096 bits with exponent 65537.
 *
 * @param path The path of the key file.
 * @returns The RSA-PSS key pair (SHA-512).
 * @throws {Failure} `KEY_FILE_OPEN` if other users may read the file, `KEY_UNSUITABLE` if the chat
 * cannot use the key, the fault of a malformed key, or the error of the file system.
 */
export async function readIdentity(path: string): Promise<CryptoKeyPair> {
  const key = await readKeyFile(path);
  const what = `cannot use ${printable(path)} as an identity`;
  refuseUnsuitable(key, what);
  return await withKeyFailures(path, async () => {
    const privateKey = await privateKeyOf(key, "pss512");
    await refuseOpen(path, what);
    return { privateKey, publicKey: await publicKeyOf(key, "pss512") };
  });
}

/** Throws if members of a room would refuse the key. */
function refuseUnsuitable({ modulusBits, exponent }: RsaKey, what: string): void {
  const { max } = MODULUS_BOUNDS;
  const why = modulusBits > max
    ? `it has ${modulusBits} bits; the chat accepts at most ${max}`
    : exponent !== 65537n
    ? `its exponent is ${exponent}; the chat accepts only 65537`
    : undefined;
  if (why === undefined) return;
  const hint = "make a key for the chat in a new file: parley rsa keygen -o NEW_KEY";
  throw new Failure({ what, why, code: "KEY_UNSUITABLE", hint });
}

/** Throws if another user owns the private key, or may read it, as OpenSSH does. */
async function refuseOpen(path: string, what: string): Promise<void> {
  if (Deno.build.os === "windows") return;
  const info = await Deno.stat(path).catch((error) => {
    throw fileFailure(error, what);
  });
  const { mode } = info;
  const other = await ownerIfOther(info);
  if (other !== undefined) throw anothers(what, "it", other);
  if (mode === null || (mode & 0o077) === 0) return;
  const why = `users other than its owner may read it (mode ${bitsOf(mode)})`;
  throw new Failure({
    what,
    why,
    code: "KEY_FILE_OPEN",
    hint: `chmod 600 ${printable(shellPath(path))}`,
  });
}

/** A server's allow list. */
export class AllowList {
  readonly #file: AllowFile;
  #list: ReadonlySet<string>;

  private constructor(
    file: AllowFile,
    list: ReadonlySet<string>,
    /** Resolves when another file has replaced the list and cannot be read. */
    readonly replaced: Promise<Failure>,
  ) {
    this.#file = file;
    this.#list = list;
  }

  /**
   * Reads the list.
   *
   * @param path The path of the file.
   * @throws {Failure} If it cannot be read.
   */
  static async open(path: string): Promise<AllowList> {
    const replaced = Promise.withResolvers<Failure>();
    const file = await openAllowFile(path, replaced.resolve);
    return new AllowList(file, await file.read(), replaced.promise);
  }

  /** Whether each reload opens the file again. It then needs the permission to read the file for the whole run. */
  get reopened(): boolean {
    return this.#file.reopened;
  }

  /** The number of listed identities. */
  get size(): number {
    return this.#list.size;
  }

  /** Reports whether an identity may join. */
  readonly allows = (fingerprint: string): boolean => this.#list.has(fingerprint);

  /**
   * Reads the list again.
   *
   * @returns Whether the list has changed.
   * @throws {Failure} If it cannot be read; the previous list stays in force.
   */
  async reload(): Promise<boolean> {
    const before = this.#list;
    this.#list = await this.#file.read();
    return before.symmetricDifference(this.#list).size > 0;
  }
}
