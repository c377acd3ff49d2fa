/**
 * What a camera reads of a page.
 *
 * @module
 */

// @ts-types="../../types/jsqr.d.ts"
import jsQR from "jsqr";
import type { Page } from "puppeteer-core";
import type { Running } from "./room.ts";

/** What a program that reads QR codes reads from a picture of the one at a selector of a page. */
export async function scanned(
  { browser }: Running,
  page: Page,
  selector: string,
): Promise<string | undefined> {
  const code = await page.waitForSelector(selector);
  const png = (await code!.screenshot({ type: "png" })).toBase64();
  // Another page reads the pixels of the picture: the policy of the chat's page forbids it to load any.
  const reader = await browser.newPage();
  const { width, height, pixels } = await reader.evaluate(`(async () => {
    const bytes = Uint8Array.fromBase64("${png}");
    const { width, height } = globalThis.bitmap = await createImageBitmap(new Blob([bytes]));
    const context = new OffscreenCanvas(width, height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, pixels: new Uint8Array(data.buffer).toBase64() };
  })()`) as { width: number; height: number; pixels: string };
  await reader.close();
  return jsQR(new Uint8ClampedArray(Uint8Array.fromBase64(pixels)), width, height)?.data;
}
