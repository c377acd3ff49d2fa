/**
 * What the browsers that tests drive have in common: how one is found, and how it is spoken with.
 *
 * @module
 */

import type { ConnectionTransport } from "puppeteer-core";

/** Whether a program is installed that says its version. */
export async function isInstalled(program: string): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Reads the address that a browser prints, and then whatever else it prints.
 *
 * @param output What it prints.
 * @param form Where the address stands.
 */
export function listen(
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
