/**
 * How a process learns that the one that started it has gone.
 *
 * @module
 */

/** Resolves when whoever holds the other end of our standard input has gone. */
export async function untilInputEnds(): Promise<void> {
  try {
    for await (const _bytes of Deno.stdin.readable) { /* Nobody is expected to say anything. */ }
  } catch {
    // An input that cannot be read is as good as one that has ended.
  }
}
