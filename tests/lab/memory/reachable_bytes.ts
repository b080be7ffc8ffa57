/**
 * How much memory a program holds on to.
 *
 * @module
 */

/** Bytes of all that can still be reached, on the heap and beside it; needs `--v8-flags=--expose-gc`. */
export function reachableBytes(): number {
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect !== "function") throw new Error("Cannot measure: run with --v8-flags=--expose-gc");
  for (let time = 0; time < 3; time++) collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
