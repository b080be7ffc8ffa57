/**
 * What tests with real processes need of time and ports.
 *
 * @module
 */
import { choosePorts } from "../../shell/ports.ts";

/** Ports that nobody listens on right now. */
export function freePorts(count: number): number[] {
  return choosePorts(0, count);
}

/** Resolves once `condition` holds; fails with `what` after `timeoutMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
