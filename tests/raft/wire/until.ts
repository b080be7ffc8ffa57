/**
 * Waiting for a condition on real sockets.
 *
 * @module
 */

/** Resolves once `condition` holds; rejects when it does not within a minute. */
export async function until(condition: () => boolean, what: string = String(condition)): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited a minute in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
