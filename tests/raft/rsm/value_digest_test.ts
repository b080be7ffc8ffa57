/**
 * Digests of results.
 *
 * @module
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { digestOf } from "../../../raft/rsm/value_digest.ts";

/** All different. */
const values: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 0,
  () => -0,
  () => 1,
  () => -1,
  () => 2 ** 31,
  () => 2 ** 53,
  () => 0.5,
  () => NaN,
  () => Infinity,
  () => "",
  () => "0",
  () => "ab",
  () => "ba",
  () => "x".repeat(5000),
  () => "x".repeat(5001),
  () => `${"x".repeat(4999)}y`,
  () => 1n,
  () => new Uint8Array(),
  () => Uint8Array.of(0),
  () => Uint8Array.of(1, 2),
  () => Uint8Array.of(2, 1),
  () => [],
  () => [[]],
  () => [1, 2],
  () => [2, 1],
  () => [1, [2]],
  () => ({}),
  () => ({ a: 1 }),
  () => ({ a: 2 }),
  () => ({ b: 1 }),
  () => ({ a: 1, b: 2 }),
  () => ({ a: 2, b: 1 }),
  () => ({ a: { b: 1 } }),
  () => new Date(1),
  () => new Date(2),
  () => new Map([["a", 1]]),
  () => new Map([["a", 2]]),
  () => new Map([["a", 1], ["b", 2]]),
  () => new Map([["a", 2], ["b", 1]]),
  () => new Set([1, 2]),
  () => new Set([1, 3]),
];

Deno.test("equal values have equal digests, others have others", () => {
  const seen = new Map<number, number>();
  for (const [at, make] of values.entries()) {
    const digest = digestOf(make());
    assertEquals(digestOf(make()), digest);
    assertEquals(digest, digest | 0);
    assertEquals(seen.get(digest), undefined, `value ${at} is like value ${seen.get(digest)}`);
    seen.set(digest, at);
  }
});

Deno.test("the order of properties and of the items of maps and sets does not count", () => {
  assertEquals(digestOf({ a: 1, b: [2] }), digestOf({ b: [2], a: 1 }));
  assertEquals(digestOf(new Map([["a", 1], ["b", 2]])), digestOf(new Map([["b", 2], ["a", 1]])));
  assertEquals(digestOf(new Set(["a", "b"])), digestOf(new Set(["b", "a"])));
});

Deno.test("a result that contains itself, or is very large, has a digest", () => {
  const endless: { next?: unknown } = {};
  endless.next = endless;
  assertEquals(digestOf(endless), digestOf(endless));
  const large = Array.from({ length: 1_000_000 }, (_, at) => at);
  assertNotEquals(digestOf(large), digestOf(large.slice(1)));
});
