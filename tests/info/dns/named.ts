/**
 * Runs BIND's name server on the loopback interface.
 *
 * @module
 */

import type { NameServer } from "../../../lib/info.ts";
import { granted } from "../../fixtures/granted.ts";
import { MAY_WRITE } from "../../fixtures/scratch.ts";

/** Whether tests may run BIND's programs, and they are installed. */
export const HAS_BIND: boolean = MAY_WRITE &&
  granted("run=named,dig,dnssec-dsfromkey,dnssec-keygen,dnssec-signzone") &&
  ["named", "dig", "dnssec-signzone"].every(isInstalled);

function isInstalled(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["-v"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs a program and returns its standard output. Throws if it fails. */
export async function run(program: string, args: readonly string[], cwd?: string): Promise<string> {
  const command = new Deno.Command(program, {
    args: [...args],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`${program} failed: ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

/** A zone to serve. */
export interface ServedZone {
  readonly name: string;
  /** The name of its file in the directory. */
  readonly file: string;
}

/** Options of {@linkcode Named}. */
export interface NamedOptions {
  readonly directory: string;
  readonly zones: readonly ServedZone[];
  /** More statements for `options { … }`. */
  readonly options?: string;
  /** Whether it verifies signatures. */
  readonly validate?: boolean;
  /** More statements for the configuration. */
  readonly more?: string;
}

/** A running server. */
export class Named implements AsyncDisposable {
  readonly address: NameServer;
  readonly #process: Deno.ChildProcess;
  readonly #log: Promise<string>;

  private constructor(address: NameServer, process: Deno.ChildProcess, log: Promise<string>) {
    this.address = address;
    this.#process = process;
    this.#log = log;
  }

  /** Starts a server and waits until it answers. */
  static async start(options: NamedOptions): Promise<Named> {
    const { directory } = options;
    const address = { hostname: "127.0.0.1", port: freePort() };
    const path = `${directory}/named-${address.port}.conf`;
    await Deno.writeTextFile(path, configuration({ ...options, ...address }));
    const process = new Deno.Command("named", {
      args: ["-g", "-n", "1", "-c", path],
      cwd: directory,
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const running = Promise.withResolvers<void>();
    const log = readLog(process.stderr, running.resolve);
    const ended = log.then((text) => {
      throw new Error(`named ended:\n${text.slice(-4000)}`);
    });
    await Promise.race([running.promise, ended]);
    ended.catch(() => undefined);
    return new Named(address, process, log);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await this.#log;
  }
}

async function readLog(stream: ReadableStream<Uint8Array>, running: () => void): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream() as never)) {
    text += piece as unknown as string;
    if (/ running\n/.test(text)) running();
  }
  return text;
}

function configuration(
  { directory, hostname, port, zones, options = "recursion no;", validate = false, more = "" }:
    & NamedOptions
    & NameServer,
): string {
  const listed = zones.map(({ name, file }) => {
    return `zone "${name}" { type primary; file "${file}"; check-names ignore; };\n`;
  });
  return `options {
  directory "${directory}";
  listen-on port ${port} { ${hostname}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  dnssec-validation ${validate ? "yes" : "no"};
  max-records-per-type 0;
  max-types-per-name 0;
  ${options}
};
controls { };
${listed.join("")}${more}
`;
}

/**
 * The ports to choose from. They lie below those that systems give to sockets that ask for any port (32768 and up on
 * Linux). Both named and dig set SO_REUSEPORT, so that Linux may give named's own port to a socket of dig, which then
 * receives its own question.
 */
const PORTS = { first: 20_000, count: 12_000 } as const;

/** A port that is free for both transports. */
function freePort(): number {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (isFree(port)) return port;
  }
}

function isFree(port: number): boolean {
  const hostname = "127.0.0.1";
  try {
    using _tcp = Deno.listen({ hostname, port });
    Deno.listenDatagram({ transport: "udp", hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
