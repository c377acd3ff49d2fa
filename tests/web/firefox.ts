/**
 * A Firefox that tests drive, by WebDriver BiDi.
 *
 * @module
 */

import process from "node:process";
import puppeteer from "puppeteer-core";
import { granted } from "../fixtures/granted.ts";
import { connect, isInstalled, launch, RunningBrowser } from "./browser.ts";

// The driver looks for a variable with each event, and tests may not read the environment.
Object.defineProperty(process, "env", { value: {} });

const PROGRAM = "firefox-esr";

/** Whether Firefox ESR is installed and tests may run it. */
export const HAS_FIREFOX: boolean =
  granted("run=firefox-esr", "read=tests/scratch", "write=tests/scratch") &&
  await isInstalled(PROGRAM);

/** A running browser. */
export class Firefox extends RunningBrowser {
  /** Starts a browser with an empty profile. */
  static async start(): Promise<Firefox> {
    return new Firefox(
      await launch({
        program: PROGRAM,
        args: (profile) => [
          ...["--headless", "--no-remote", "--remote-debugging-port=0"],
          ...["--profile", profile],
        ],
        form: /BiDi listening on (ws:\S+)/,
        drive: async (address) => {
          const transport = await connect(`${address}/session`);
          const protocol = "webDriverBiDi";
          return await puppeteer.connect({ transport, protocol, defaultViewport: null });
        },
      }),
    );
  }
}
