/**
 * UDP: an echo, and a reply that is not the server's.
 *
 * @module
 */

import { command, requireCode, type Scene, type Section, untilAborted } from "../step.ts";

/** The echo server and its client. */
export const UDP: Section = {
  name: "udp",
  title: "UDP: an echo server and a client",
  steps: [{
    says:
      `A datagram needs no connection. The server says how long it was; the client has no port until it
sends, then the system picks one, which is where the answer goes. Ctrl-C ends the server.`,
    play: echo,
  }],
};

async function echo({ start, prompt, signal }: Scene): Promise<void> {
  const serve = "parley udp server --port 0";
  prompt(serve);
  const server = start(["udp", "server", "--port", "0"], { label: "  server │ " });
  const [, port] = await server.until(/Listening at 127\.0\.0\.1:(\d+)/, signal);
  const ask = `parley udp client --port ${port}`;
  prompt(ask);
  const client = start(["udp", "client", "--port", port!], { label: "  client │ " });
  await client.until(/The OS assigned me the address/, signal);
  await client.until(/replied 'Your data was 38 bytes long'/, signal);
  requireCode(ask, await untilAborted(client.ended, signal), 0);
  await server.until(/The client at 127\.0\.0\.1:\d+ says 'The time is /, signal);
  server.interrupt();
  requireCode(serve, await untilAborted(server.ended, signal), 130);
}

/** The promiscuous client. */
export const FORGERY: Section = {
  name: "forgery",
  title: "UDP: the forged reply",
  steps: [
    command(
      `Anyone may send a datagram to anyone. A client that takes the first one that comes believes an
attacker who is quicker than the server; one that compares the sender's address does not.`,
      "parley udp demo",
      { patterns: [/Fooled: /, /Not fooled: /] },
    ),
  ],
};
