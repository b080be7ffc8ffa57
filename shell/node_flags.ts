/**
 * How V8 is run in a process that serves nodes.
 *
 * Values that were overwritten are old by then, so that only V8's major collections find them; and unless told otherwise V8
 * puts these off until the heap has three or four times what it held after the last one. Of a million keys of 100 bytes that
 * were written over and over a node had 1.25 GiB resident, of which it used 0.45. With half as much again allowed instead, and
 * at least 192 MiB, lest a small state be collected all the time, it has 0.7 GiB at the same speed. Programs that embed a
 * node choose for themselves: flags cannot be set from within.
 *
 * @module
 */

/** For `deno run`, before the script. */
export const nodeFlags: readonly string[] = ["--v8-flags=--heap-growing-percent=50,--initial-heap-size=192"];
