/**
 * parley under a shell that first takes something away.
 *
 * @module
 */

import { ChatProcess } from "../chat/app/chat_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Starts a script of `sh` that becomes a process of the chat. */
export function shell(script: string, program: readonly string[] = ["sh", "-c"]): ChatProcess {
  const [name, ...args] = program;
  const options = { cwd: ROOT, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new ChatProcess(new Deno.Command(name!, { args: [...args, script], ...options }));
}
