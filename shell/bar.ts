/**
 * A bar that shows how much of something is done.
 *
 * @module
 */

const barWidth = 30;

/** The bar for `share`, from 0 to 1, and a text behind it. */
export function renderBar(share: number, text: string): string {
  const filled = Math.floor(barWidth * Math.min(1, Math.max(0, share)));
  return `[${"#".repeat(filled)}${".".repeat(barWidth - filled)}] ${text}`;
}
