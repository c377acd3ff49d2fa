/**
 * All that is fuzzed, by name.
 *
 * @module
 */

import { DNS_TARGETS } from "./dns_targets.ts";
import { FILE_TARGETS } from "./file_targets.ts";
import { KEY_TARGETS } from "./key_targets.ts";
import { SESSION_TARGETS } from "./session_targets.ts";
import type { Target } from "./target.ts";
import { TEXT_TARGETS } from "./text_targets.ts";
import { WEB_TARGETS } from "./web_targets.ts";
import { WIRE_TARGETS } from "./wire_targets.ts";

/** All that is fuzzed. */
export const TARGETS: readonly Target[] = [
  ...WIRE_TARGETS,
  ...WEB_TARGETS,
  ...TEXT_TARGETS,
  ...DNS_TARGETS,
  ...FILE_TARGETS,
  ...KEY_TARGETS,
  ...SESSION_TARGETS,
];
