/**
 * The version of parley: the one place that names it, as `deno.json` must.
 *
 * @module
 */

/** Semantic version. */
export const VERSION = "0.1.0";
