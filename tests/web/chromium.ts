/**
 * A Chromium that tests drive.
 *
 * @module
 */

import puppeteer, { type Browser, type ConnectionTransport } from "puppeteer-core";
import { granted } from "../fixtures/granted.ts";
import { Scratch } from "../fixtures/scratch.ts";

/** Whether Chromium is installed and tests may run it. */
export const HAS_CHROMIUM: boolean =
  granted("run=chromium", "read=tests/scratch", "write=tests/scratch") &&
  await isInstalled();

async function isInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("chromium", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const FLAGS: readonly string[] = [
  ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  ...["--no-first-run", "--disable-background-networking", "--disable-component-update"],
  // Several pages are open at once, and one of them only is in front.
  ...["--disable-renderer-backgrounding", "--disable-background-timer-throttling"],
  ...["--hide-scrollbars", "--remote-debugging-port=0"],
  // A name for this machine that browsers do not know to be this machine.
  "--host-resolver-rules=MAP chat.test 127.0.0.1",
];

/** A running browser. */
export class Chromium implements AsyncDisposable {
  readonly browser: Browser;
  readonly #process: Deno.ChildProcess;
  readonly #errors: Promise<void>;
  readonly #profile: Scratch;

  private constructor(
    browser: Browser,
    started: { process: Deno.ChildProcess; errors: Promise<void>; profile: Scratch },
  ) {
    this.browser = browser;
    this.#process = started.process;
    this.#errors = started.errors;
    this.#profile = started.profile;
  }

  /** Starts a browser with an empty profile. */
  static async start(): Promise<Chromium> {
    const profile = await Scratch.make();
    const process = new Deno.Command("chromium", {
      args: [...FLAGS, `--user-data-dir=${profile.path}`, "about:blank"],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const address = Promise.withResolvers<string>();
    const errors = listen(process.stderr, address);
    const transport = await connect(await address.promise);
    const browser = await puppeteer.connect({ transport, defaultViewport: null });
    return new Chromium(browser, { process, errors, profile });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.#process.status;
    await this.#errors;
    await this.#profile[Symbol.asyncDispose]();
  }
}

/** Reads the address that Chromium prints, and then whatever else it prints. */
async function listen(
  errors: ReadableStream<Uint8Array<ArrayBuffer>>,
  address: PromiseWithResolvers<string>,
): Promise<void> {
  let text = "";
  for await (const piece of errors.pipeThrough(new TextDecoderStream())) {
    text = (text + piece).slice(-4096);
    const found = /DevTools listening on (ws:\S+)/.exec(text)?.[1];
    if (found !== undefined) address.resolve(found);
  }
  address.reject(new Error(`chromium ended:\n${text}`));
}

/** A connection to the browser. That of the driver reads the environment, which tests may not. */
function connect(address: string): Promise<ConnectionTransport> {
  const socket = new WebSocket(address);
  const transport: ConnectionTransport = {
    send: (message) => socket.send(message),
    close: () => socket.close(),
  };
  socket.onmessage = ({ data }) => transport.onmessage?.(data);
  socket.onclose = () => transport.onclose?.();
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(transport);
    socket.onerror = () => reject(new Error("chromium does not answer"));
  });
}
