/**
 * The echo servers that are compared, each on a free port of 127.0.0.1.
 *
 * @module
 */

import type { Processes, Running } from "../chat/processes.ts";

/** An echo server that listens. */
export interface EchoProcess {
  readonly name: "parley" | "parley --ffi" | "Python" | "C";
  readonly port: number;
  readonly process: Running;
}

/** Starts `parley udp server --quiet`. */
export async function startParley(processes: Processes): Promise<EchoProcess> {
  return { name: "parley", ...await startServer(processes, [], []) };
}

/** Starts `parley udp server --quiet --ffi`. */
export async function startParleyFfi(processes: Processes): Promise<EchoProcess> {
  return { name: "parley --ffi", ...await startServer(processes, ["--allow-ffi"], ["--ffi"]) };
}

async function startServer(
  processes: Processes,
  permissions: readonly string[],
  options: readonly string[],
): Promise<Omit<EchoProcess, "name">> {
  const args = ["udp", "server", "-p", "0", "--quiet", "--json", ...options];
  const process = processes.deno(["--allow-net", ...permissions], "main.ts", args);
  const { port } = JSON.parse(await process.line());
  return { port, process };
}

/** Starts the server in Python. */
export async function startPython(processes: Processes): Promise<EchoProcess> {
  const program = new URL("echo_server.py", import.meta.url).pathname;
  const process = processes.start("python3", [program]);
  return { name: "Python", port: Number(await process.line()), process };
}

/** Starts the server in C. */
export async function startC(processes: Processes, program: string): Promise<EchoProcess> {
  const process = processes.start(program, []);
  return { name: "C", port: Number(await process.line()), process };
}
