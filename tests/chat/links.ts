/**
 * Links for tests: to a relay through memory, and ones whose other end the test plays.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { guardLink, type Link, type LinkReceiver, memoryLinks } from "../../lib/chat/link.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";

/**
 * Connects a receiver to a relay. Nothing that the relay slows is paused. An exception of the receiver closes the link
 * and is reported to the relay.
 */
export function linkToRelay(
  relay: Relay,
  receiver: Pick<LinkReceiver, "disconnected"> & { receive(bytes: Bytes): unknown },
): Link {
  const [near, far] = memoryLinks();
  const served = guardLink(far, relay.failed);
  const connection = relay.connect(served);
  served.open({
    receive: (bytes) => {
      connection.receive(bytes);
      return undefined;
    },
    disconnected: (detail) => connection.disconnected(detail),
  });
  const link = guardLink(near, relay.failed);
  link.open({
    receive: (bytes) => {
      receiver.receive(bytes);
      return undefined;
    },
    disconnected: () => receiver.disconnected(),
  });
  return link;
}

/** A link that does nothing but what a test replaces. */
export function fakeLink(replaced: Partial<Link>): Link {
  const link: Link = {
    waiting: 0,
    open: () => {},
    send: () => {},
    end: () => {},
    close: () => {},
  };
  return Object.defineProperties(link, Object.getOwnPropertyDescriptors(replaced));
}
