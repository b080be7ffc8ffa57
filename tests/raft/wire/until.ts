/**
 * Waiting for a condition on real sockets.
 *
 * @module
 */

/** Resolves once `condition` holds; rejects when it does not within ten seconds. */
export async function until(condition: () => boolean, what: string = String(condition)): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited ten seconds in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
