/**
 * A Chromium that tests drive.
 *
 * @module
 */

import puppeteer, { type Browser } from "puppeteer-core";
import { granted } from "../fixtures/granted.ts";
import { Scratch } from "../fixtures/scratch.ts";
import { connect, isInstalled, listen } from "./browser.ts";

/** Whether Chromium is installed and tests may run it. */
export const HAS_CHROMIUM: boolean =
  granted("run=chromium", "read=tests/scratch", "write=tests/scratch") &&
  await isInstalled("chromium");

const FLAGS: readonly string[] = [
  ...["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  ...["--no-first-run", "--disable-background-networking", "--disable-component-update"],
  // Several pages are open at once, and one of them only is in front.
  ...["--disable-renderer-backgrounding", "--disable-background-timer-throttling"],
  ...["--hide-scrollbars", "--remote-debugging-port=0"],
  // Names for this machine that browsers do not know to be this machine.
  "--host-resolver-rules=MAP *.test 127.0.0.1",
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
    const { address, errors } = listen(process.stderr, /DevTools listening on (ws:\S+)/);
    const transport = await connect(await address);
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
