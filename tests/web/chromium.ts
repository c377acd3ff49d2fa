/**
 * A Chromium that tests drive.
 *
 * @module
 */

import puppeteer from "puppeteer-core";
import { granted } from "../fixtures/granted.ts";
import { connect, isInstalled, launch, RunningBrowser } from "./browser.ts";

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
export class Chromium extends RunningBrowser {
  /** Starts a browser with an empty profile. */
  static async start(): Promise<Chromium> {
    return new Chromium(
      await launch({
        program: "chromium",
        args: (profile) => [...FLAGS, `--user-data-dir=${profile}`, "about:blank"],
        form: /DevTools listening on (ws:\S+)/,
        drive: async (address) =>
          puppeteer.connect({ transport: await connect(address), defaultViewport: null }),
      }),
    );
  }
}
