/**
 * What the browsers that tests drive have in common: how one is found, and how it is spoken with.
 *
 * @module
 */

import type { Browser, ConnectionTransport } from "puppeteer-core";
import { Scratch } from "../fixtures/scratch.ts";

/** Whether a program is installed that says its version. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What starts a browser. */
export interface Launch {
  readonly program: string;
  /** Its arguments, with a profile in a directory. */
  readonly args: (profile: string) => readonly string[];
  /** Where it prints the address at which it is driven. */
  readonly form: RegExp;
  /** Connects a driver to that address. */
  readonly drive: (address: string) => Promise<Browser>;
}

/** A process of a browser, and its driver. */
interface Launched {
  readonly browser: Browser;
  readonly process: Deno.ChildProcess;
  readonly errors: Promise<void>;
  readonly profile: Scratch;
}

/** Starts a browser with an empty profile. */
export async function launch({ program, args, form, drive }: Launch): Promise<Launched> {
  const profile = await Scratch.make();
  const process = new Deno.Command(program, {
    args: [...args(profile.path)],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const { address, errors } = listen(process.stderr, form);
  return { browser: await drive(await address), process, errors, profile };
}

/** A running browser. */
export class RunningBrowser implements AsyncDisposable {
  readonly browser: Browser;
  readonly #launched: Launched;

  /** @param launched What {@linkcode launch} has started. */
  constructor(launched: Launched) {
    this.browser = launched.browser;
    this.#launched = launched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { browser, process, errors, profile } = this.#launched;
    await browser.close();
    await process.status;
    await errors;
    await profile[Symbol.asyncDispose]();
  }
}

/**
 * Reads the address that a browser prints, and then whatever else it prints.
 *
 * @param output What it prints.
 * @param form Where the address stands.
 */
function listen(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  form: RegExp,
): { readonly address: Promise<string>; readonly errors: Promise<void> } {
  const { promise: address, resolve, reject } = Promise.withResolvers<string>();
  const read = async () => {
    let text = "";
    for await (const piece of output.pipeThrough(new TextDecoderStream())) {
      text = (text + piece).slice(-4096);
      const found = form.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    }
    reject(new Error(`the browser ended:\n${text}`));
  };
  return { address, errors: read() };
}

/** A connection to the browser. That of the driver reads the environment, which tests may not. */
export function connect(address: string): Promise<ConnectionTransport> {
  const socket = new WebSocket(address);
  const transport: ConnectionTransport = {
    send: (message) => socket.send(message),
    close: () => socket.close(),
  };
  socket.onmessage = ({ data }) => transport.onmessage?.(data);
  socket.onclose = () => transport.onclose?.();
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(transport);
    socket.onerror = () => reject(new Error("the browser does not answer"));
  });
}
