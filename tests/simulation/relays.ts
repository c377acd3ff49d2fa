/**
 * Relays that do something else than they should.
 *
 * @module
 */

import { Relay } from "../../lib/chat/relay/relay.ts";
