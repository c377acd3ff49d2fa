/**
 * How long a line takes from page to page, beside from terminal to terminal: at one relay, in turns.
 *
 * @module
 */

import { type ChatProcess, startClient, startServer } from "../tests/chat/app/chat_process.ts";
import { Chromium } from "../tests/web/chromium.ts";
import { Visitor } from "../tests/web/room.ts";

/** The rounds that count. One more goes before them. */
const ROUNDS = 5;
const LINES = 40;

/** Enters a line in the page, and gives the time at which Enter was pressed. */
const ENTER = `async (text) => {
  const area = document.querySelector(".composer textarea");
  // The button says whether the page has taken what was entered.
  const button = document.querySelector(".composer .send");
  const becomes = async (disabled) => {
    while (button.disabled !== disabled) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  await becomes(true);
  area.value = text;
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await becomes(false);
  const at = performance.timeOrigin + performance.now();
  area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  return at;
}`;

/** Makes `comes(TEXT)` in the page, which gives the time at which a line comes into the document. */
const WATCH = `() => {
  const [waiting, seen] = [new Map(), new Map()];
  globalThis.comes = (text) =>
    new Promise((resolve) => seen.has(text) ? resolve(seen.get(text)) : waiting.set(text, resolve));
  new MutationObserver((changes) => {
    const at = performance.timeOrigin + performance.now();
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        const text = node.querySelector?.(".text")?.textContent;
        seen.set(text, at);
        waiting.get(text)?.(at);
      }
    }
  }).observe(document.querySelector(".scrolled"), { childList: true, subtree: true });
}`;

async function pageToPage(ada: Visitor, bo: Visitor, round: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LINES; i++) {
    const text = `page ${round} ${i}`;
    const came = bo.evaluates(`comes(${JSON.stringify(text)})`);
    const sent = await ada.evaluates(`(${ENTER})(${JSON.stringify(text)})`);
    times.push(Number(await came) - Number(sent));
  }
  return times;
}

async function terminalToTerminal(
  cy: ChatProcess,
  di: ChatProcess,
  round: number,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LINES; i++) {
    const text = `terminal ${round} ${i}`;
    const sent = performance.now();
    await cy.type(`${text}\n`);
    await di.until(({ lines }) => lines.at(-1)?.includes(text) === true, text);
    times.push(performance.now() - sent);
  }
  return times;
}

/** Runs the benchmark. */
export async function run(): Promise<number> {
  const { server, address } = await startServer("--web", "--relay-only");
  await using _server = server;
  await using chromium = await Chromium.start();
  await using ada = await Visitor.join(chromium, `http://${address}/pages`, "ada");
  await using bo = await Visitor.join(chromium, `http://${address}/pages`, "bo");
  await using cy = await startClient(`${address}/terminals`, "cy", "--listen");
  await using di = await startClient(`${address}/terminals`, "di", "--listen");
  await ada.sees("bo joined");
  await bo.evaluates(`(${WATCH})()`);
  await cy.until((one) => one.lines.some((line) => line.includes(`"name":"di"`)), "di");
  const pages: number[] = [];
  const terminals: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    pages.push(median(await pageToPage(ada, bo, round)));
    terminals.push(median(await terminalToTerminal(cy, di, round)));
  }
  const page = pages.slice(1);
  const terminal = terminals.slice(1);
  console.log(`medians of ${LINES} lines, in ${ROUNDS} rounds by turns:`);
  console.log(`a line from page to page:         ${summary(page)} ms`);
  console.log(`a line from terminal to terminal: ${summary(terminal)} ms`);
  console.log(
    `page / terminal:                  ${summary(page.map((ms, i) => ms / terminal[i]!))}`,
  );
  return 0;
}

/** The median of some figures, with the lowest and the highest. */
function summary(figures: readonly number[]): string {
  const [low, middle, high] = [Math.min(...figures), median(figures), Math.max(...figures)]
    .map((figure) => figure.toFixed(2));
  return `${middle} (${low} to ${high})`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
