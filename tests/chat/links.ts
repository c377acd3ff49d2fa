/**
 * Links for tests: to a relay through memory, and ones whose other end the test plays.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { guardLink, type Link, type LinkReceiver } from "../../lib/chat/link.ts";
import type { Relay } from "../../lib/chat/relay/relay.ts";
import { memoryLinks } from "../../lib/chat/link.ts";
import { serveLink } from "../../lib/chat/runtime/relay_host.ts";

/** Connects a receiver to a relay. An exception of the receiver closes the link and is reported to the relay. */
export function linkToRelay(
  relay: Relay,
  receiver: Pick<LinkReceiver, "disconnected"> & { receive(bytes: Bytes): unknown },
): Link {
  const [near, far] = memoryLinks();
  serveLink(relay, { link: far });
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
