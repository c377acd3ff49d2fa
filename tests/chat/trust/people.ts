/**
 * People in a chat, each a process of parley that may keep files.
 *
 * @module
 */

import { granted } from "../../fixtures/granted.ts";
import { FLAGS, MAY_WRITE } from "../../fixtures/scratch.ts";
import { type ChatEvent, ChatProcess } from "../app/chat_process.ts";

/** Whether tests may keep files and start parley. */
export const MAY_KEEP_FILES: boolean = MAY_WRITE && granted("run=deno");

/** A test that keeps files and starts parley. */
export function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !MAY_KEEP_FILES, fn });
}

/** Starts a server; gives where it listens. */
export async function serve(...args: readonly string[]) {
  const server = new ChatProcess(["server", "--port", "0", "--json", ...args], FLAGS);
  const { port } = await server.event("listening");
  return { server, address: `127.0.0.1:${port}` };
}

/** Joins a server under a name. */
export async function join(address: string, name: string, ...args: readonly string[]) {
  const options = ["--name", name, "--json", "--listen", ...args];
  const client = new ChatProcess(["client", address, ...options], FLAGS);
  await client.event("joined");
  return client;
}

/** Waits until a process has said a number of events of a kind, and gives the last. */
export async function nth(process: ChatProcess, event: string, count: number): Promise<ChatEvent> {
  await process.until((one) => one.all(event).length >= count, `${count} × ${event}`);
  return process.all(event)[count - 1]!;
}

/** How a process was told of somebody who joined, once it knows that this is no credential that a relay replays. */
export async function joined(process: ChatProcess, name: string, count = 1): Promise<ChatEvent> {
  const all = () => process.all("joined").filter((one) => one.name === name);
  await process.until(() => all().length >= count, `${name} joined`);
  const confirmed = () =>
    all().filter((one) => one.confirmed === true).length +
    process.all("confirmed").filter((one) => one.name === name).length;
  await process.until(() => confirmed() >= count, `${name} is confirmed`);
  return all()[count - 1]!;
}

/** Leaves, and waits until the process has ended. */
export async function leave(process: ChatProcess): Promise<void> {
  await process.type("/quit\n");
  await process.ended();
}

/** The texts that a process was told, in order. */
export function texts(process: ChatProcess): unknown[] {
  return process.all("message").map(({ text }) => text);
}
