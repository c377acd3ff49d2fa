/**
 * Reads and writes the files and streams of a command: input, output and key files.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable, shellPath } from "../base/printable.ts";
import { KeyFileError } from "../rsa/der.ts";
import {
  inspectKey,
  type PemPair,
  privateKeyOf,
  publicKeyOf,
  readKey,
  type ReadKeyOptions,
  type RsaKey,
} from "../rsa/key_formats.ts";
import {
  DecryptionError,
  MAX_MESSAGE_BYTES,
  MessageTooLongError,
  UnsupportedMessageError,
} from "../rsa/message.ts";
import { MODULUS_BOUNDS } from "../rsa/rsa.ts";
import { fileFailure } from "./errors.ts";
import {
  anothers,
  bitsOf,
  checkWritable,
  ownerIfOther,
  piecesOf,
  readPieces,
  readStream,
  readWhole,
  TooLargeError,
  type WholeFile,
  writeTogether,
  writeWhole,
} from "./files.ts";
import type { Progress } from "./log.ts";
import { type Io, type OutputStream, writeError } from "./io.ts";

/** The most bytes that a command takes as input. */
export interface InputLimit {
  readonly maxBytes: number;
  /** What cannot be done with more, such as "cannot encrypt". */
  readonly what: string;
  /** What to do with more. */
  readonly limitHint?: string;
}

/**
 * Reads a whole file or all of standard input. It refuses a file that is too large before it reads it.
 *
 * @param io Provides standard input.
 * @param path A file. Undefined and `-` mean standard input.
 * @param progress Shows how far reading has come.
 * @param limit The most bytes to read.
 * @throws {Failure} `MESSAGE_TOO_LONG`; file system errors.
 */
export async function readInput(
  io: Io,
  path: string | undefined,
  progress: Progress,
  { maxBytes, what, limitHint }: InputLimit,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (path === undefined || path === "-") {
      sayWhatIsRead(io, undefined, progress);
      return await readStream(io.input.chunks(), maxBytes, (done) => progress.bytes(done));
    }
    sayWhatIsRead(io, path, progress);
    return await readWhole(path, maxBytes, (done, total) => progress.bytes(done, total));
  } catch (error) {
    const isLong = error instanceof TooLargeError ||
      error instanceof Failure && error.code === "FILE_TOO_LARGE";
    if (!isLong) throw error;
    throw new Failure({
      what,
      why: `the input has more than ${maxBytes} bytes`,
      code: "MESSAGE_TOO_LONG",
      hint: limitHint ?? "split it, or use a tool for files of that size",
    });
  }
}

/**
 * Reads a file or standard input piece by piece, so that it may have any size. The next piece overwrites the one before.
 *
 * @param io Provides standard input.
 * @param path A file. Undefined and `-` mean standard input.
 * @param progress Shows how far reading has come.
 * @throws {Failure} File system errors, while iterating.
 */
export function openInput(
  io: Io,
  path: string | undefined,
  progress: Progress,
): AsyncIterable<Uint8Array> {
  const heard = (done: number, total?: number) => progress.bytes(done, total);
  if (path !== undefined && path !== "-") {
    sayWhatIsRead(io, path, progress);
    return readPieces(path, heard);
  }
  sayWhatIsRead(io, undefined, progress);
  const { read } = io.input;
  return read === undefined ? io.input.chunks() : piecesOf(read, heard);
}

function sayWhatIsRead(io: Io, path: string | undefined, progress: Progress): void {
  if (path !== undefined) progress.next(`reading ${printable(path)}`);
  else if (io.input.keyboard === undefined) progress.next("reading");
  else {
    progress.done();
    writeError(io, "* reading from here: Ctrl-D ends it\n");
  }
}

/** The destination of output. */
export interface Destination {
  /** A file. Undefined and `-` mean standard output. */
  readonly path: string | undefined;
  /** Whether to replace an existing file. */
  readonly force: boolean;
  /** The file's mode; 0o666 by default, less the process's umask. */
  readonly mode?: number;
}

/**
 * Checks that the destination may be written, before the work of making its content.
 *
 * @throws {Failure} `EEXIST` if the file exists and may not be replaced; `NOT_A_FILE`.
 */
export async function checkDestination({ path, force }: Destination): Promise<void> {
  if (path === undefined || path === "-") return;
  await checkWritable(path, force);
}

/**
 * Writes bytes to standard output or a file. A file is written whole or not at all.
 *
 * @throws {Failure} `EEXIST` if the file exists; `BINARY_TO_TERMINAL` if the bytes contain control characters and the
 * output is a terminal; `INTERRUPTED`; file system errors.
 */
export async function writeOutput(
  io: Io,
  to: Destination,
  bytes: Uint8Array,
  progress: Progress,
): Promise<void> {
  if (to.path === undefined || to.path === "-") {
    return await writeStdout(io.output, bytes, to.path === "-", progress);
  }
  progress.next(`writing ${printable(to.path)}`);
  const { path, force, mode = 0o666 } = to;
  const heard = (done: number) => progress.bytes(done, bytes.length);
  await interruptible(
    io,
    path,
    (signal) => writeWhole(path, bytes, { mode, replace: force, signal, progress: heard }),
  );
}

/** Writes all of the files or none. The signal comes from {@linkcode interruptible}. */
export async function writeFiles(
  files: readonly WholeFile[],
  force: boolean,
  signal: AbortSignal,
): Promise<void> {
  await writeTogether(files, { replace: force, signal });
}

/**
 * Runs work that Ctrl-C or another stop signal aborts cleanly.
 *
 * @param io Provides the signals.
 * @param path The file being written, for the failure.
 * @throws {Failure} `INTERRUPTED`, with exit code 130.
 */
export async function interruptible<T>(
  io: Io,
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = () =>
    controller.abort(
      new Failure({
        what: `cannot write ${printable(path)}`,
        why: "interrupted",
        code: "INTERRUPTED",
        exitCode: 130,
      }),
    );
  const listening = STOP_SIGNALS.map((signal) => io.onSignal(signal, stop));
  try {
    return await work(controller.signal);
  } finally {
    for (const one of listening) one[Symbol.dispose]();
  }
}

const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Control characters other than tab and line feed. */
// deno-lint-ignore no-control-regex -- the pattern matches controls
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

async function writeStdout(
  output: OutputStream,
  bytes: Uint8Array,
  anyway: boolean,
  progress: Progress,
): Promise<void> {
  if (!anyway && output.isTerminal && !isPlain(bytes)) {
    throw new Failure({
      what: "cannot write to the terminal",
      why: "the output is binary",
      code: "BINARY_TO_TERMINAL",
      hint: "write to a file with -o FILE, or force it with -o -",
    });
  }
  if (output.isTerminal) progress.done();
  else progress.next("writing");
  for (let rest = bytes; rest.length > 0;) {
    rest = rest.subarray(await output.write(rest));
    progress.bytes(bytes.length - rest.length, bytes.length);
  }
}

function isPlain(bytes: Uint8Array): boolean {
  try {
    return !UNSAFE.test(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof TypeError) return false; // not UTF-8
    throw error;
  }
}

/** The most bytes that a key file may have. */
const MAX_KEY_FILE_BYTES = 1 << 20;

/**
 * Reads an RSA key from a file.
 *
 * @param path The file.
 * @param options How to get the passphrase of an encrypted key, and which key of a JWK set to read.
 * @throws {Failure} If the file has no usable key. The failure says what it has and what to do.
 */
export async function readKeyFile(path: string, options?: ReadKeyOptions): Promise<RsaKey> {
  const content = await readWhole(path, MAX_KEY_FILE_BYTES);
  return await withKeyFailures(path, () => readKey(content, options));
}

/** Reads a key file as {@linkcode readKeyFile} does, but accepts keys that are too weak to use. */
export async function inspectKeyFile(
  path: string,
  options?: ReadKeyOptions,
): ReturnType<typeof inspectKey> {
  const content = await readWhole(path, MAX_KEY_FILE_BYTES);
  return await withKeyFailures(path, () => inspectKey(content, options));
}

/** Returns the two files of a key pair. */
function filesOf(path: string, force: boolean) {
  return [{ path, force, mode: 0o600 }, { path: `${path}.pub`, force, mode: 0o666 }] as const;
}

/**
 * Checks that the files of a pair may be written, before the pair is generated.
 *
 * @throws {Failure} `EEXIST` if one exists and may not be replaced.
 */
export async function checkPairWritable(path: string, force: boolean): Promise<void> {
  for (const file of filesOf(path, force)) await checkDestination(file);
}

/**
 * Writes a key pair: the private key to `path` with mode 0600, the public key to `path` with `.pub` appended. Both
 * files are written or neither, and a replaced pair is replaced as a whole.
 *
 * @throws {Failure} If one of the files cannot be written.
 */
export async function writePair(
  io: Io,
  path: string,
  pair: PemPair,
  force: boolean,
  progress: Progress,
): Promise<void> {
  const encoder = new TextEncoder();
  const contents = [pair.privatePem, pair.publicPem].map((pem) => encoder.encode(pem));
  const files = filesOf(path, force).map((file, i) => ({ ...file, bytes: contents[i]! }));
  progress.next(`writing ${printable(path)}`);
  await interruptible(io, path, (signal) => writeFiles(files, force, signal));
}

/**
 * Runs work that uses a key, and turns its errors into failures.
 *
 * @param path The key's file, for failures caused by the key.
 * @param work The work.
 * @throws {Failure} If the key or the message is not usable.
 */
export async function withKeyFailures<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, path);
  }
}

function failureOf(error: unknown, path: string): unknown {
  if (error instanceof KeyFileError) {
    return new Failure({
      what: `cannot use the key ${printable(path)}`,
      why: error.message,
      code: error.code,
      hint: error.hint.replaceAll("FILE", () => printable(shellPath(path))),
      cause: error,
    });
  }
  if (error instanceof MessageTooLongError) {
    return new Failure({
      what: "cannot encrypt",
      why: error.message,
      code: "MESSAGE_TOO_LONG",
      hint: error.maxBytes < MAX_MESSAGE_BYTES
        ? "one block holds at most k - 2·32 - 2 bytes"
        : "split it, or encrypt it with a tool for files of that size",
      cause: error,
    });
  }
  if (error instanceof DecryptionError) {
    // No cause: it would tell padding errors from others, even with --debug.
    return new Failure({
      what: "cannot decrypt",
      why: error.message,
      code: "DECRYPT_FAILED",
      hint: "check the key, and the format of the message",
    });
  }
  if (error instanceof UnsupportedMessageError) {
    return new Failure({
      what: "cannot decrypt",
      why: error.message,
      code: "MESSAGE_UNSUPPORTED",
      hint: "ask for a message with RSA-OAEP-256 and A256GCM",
    });
  }
  return error;
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
  const hint = "make a key for the chat in a new file";
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
