/** @jsxRuntime automatic */
/** @jsxImportSource preact */
/// <reference lib="dom" />
/**
 * The button of which the page has many.
 *
 * @module
 */

import type { ButtonHTMLAttributes } from "preact";

/** A button that does something of its own. Without a type it would send the form around it. */
export function Button(props: ButtonHTMLAttributes) {
  return <button type="button" {...props} />;
}
