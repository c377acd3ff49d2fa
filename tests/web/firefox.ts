/**
 * A Firefox that tests drive, by WebDriver BiDi.
 *
 * @module
 */

import process from "node:process";
import puppeteer, { type Browser } from "puppeteer-core";
import { granted } from "../fixtures/granted.ts";
import { Scratch } from "../fixtures/scratch.ts";
import { connect, isInstalled, listen } from "./browser.ts";

// The driver looks for a variable with each event, and tests may not read the environment.
Object.defineProperty(process, "env", { value: {} });

const PROGRAM = "firefox-esr";

/** Whether Firefox ESR is installed and tests may run it. */
export const HAS_FIREFOX: boolean =
  granted("run=firefox-esr", "read=tests/scratch", "write=tests/scratch") &&
  await isInstalled(PROGRAM);

/** A running browser. */
export class Firefox implements AsyncDisposable {
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
  static async start(): Promise<Firefox> {
    const profile = await Scratch.make();
    const process = new Deno.Command(PROGRAM, {
      args: ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile.path],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const { address, errors } = listen(process.stderr, /BiDi listening on (ws:\S+)/);
    const transport = await connect(`${await address}/session`);
    const browser = await puppeteer.connect({
      transport,
      protocol: "webDriverBiDi",
      defaultViewport: null,
    });
    return new Firefox(browser, { process, errors, profile });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.#process.status;
    await this.#errors;
    await this.#profile[Symbol.asyncDispose]();
  }
}
