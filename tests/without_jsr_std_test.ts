/** The stand-ins for `@std` packages behave as the real ones, in the part that Balsa uses: what passes here passes with both. */
import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotMatch,
  assertNotStrictEquals,
  assertObjectMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
  unreachable,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";

class Odd extends Error {
  constructor(readonly value: number) {
    super(`odd: ${value}`);
  }
}

Deno.test("@std/assert: each assertion passes where it should", async () => {
  assert(true);
  assertFalse(0);
  assertEquals({ a: [1, { b: new Uint8Array([2]) }], c: undefined }, {
    a: [1, { b: new Uint8Array([2]) }],
    c: undefined,
  });
  assertEquals(new Map([["a", new Set([1])]]), new Map([["a", new Set([1])]]));
  assertEquals(NaN, NaN);
  assertNotEquals<unknown>({ a: undefined }, {});
  assertStrictEquals("a", "a");
  assertNotStrictEquals([1], [1]);
  assertObjectMatch({ a: 1, b: { c: 2, d: 3 } }, { b: { c: 2 } });
  assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]);
  assertAlmostEquals(0.1 + 0.2, 0.3);
  assertAlmostEquals(1, 1.4, 0.5);
  assertGreater(2, 1);
  assertGreaterOrEqual(2n, 2n);
  assertLess("a", "b");
  assertLessOrEqual(1, 1);
  assertMatch("abc", /b/);
  assertNotMatch("abc", /x/);
  assertStringIncludes("abc", "bc");
  const error = assertThrows(
    () => {
      throw new Odd(3);
    },
    Odd,
    "odd",
  );
  const value: number = error.value;
  assertEquals(value, 3);
  const rejected = await assertRejects(() => Promise.reject(new Odd(5)), Odd, "5");
  assertEquals(rejected.value, 5);
  assertEquals(
    assertThrows(() => {
      throw "not an error";
    }),
    "not an error",
  );
  const unknown: unknown = error;
  assertInstanceOf(unknown, Odd);
  assertEquals(unknown.value, 3);
});

const failing: [name: string, run: () => unknown, message: string][] = [
  ["assert", () => assert(0, "words"), "words"],
  ["assertFalse", () => assertFalse(1, "words"), "words"],
  ["assertEquals", () => assertEquals([1, { a: 2 }], [1, { a: 3 }], "words"), "Values are not equal: words"],
  ["assertEquals of classes", () => assertEquals<unknown>(new Odd(1), { value: 1 }), "Values are not equal."],
  ["assertNotEquals", () => assertNotEquals({ a: 1 }, { a: 1 }, "words"), "words"],
  ["assertStrictEquals", () => assertStrictEquals([1], [1]), "same structure but are not reference-equal."],
  ["assertStrictEquals of strings", () => assertStrictEquals("a", "b"), "Values are not strictly equal."],
  ["assertNotStrictEquals", () => assertNotStrictEquals(1, 1), "not be strictly equal to: 1"],
  ["assertObjectMatch", () => assertObjectMatch({ a: 1 }, { a: 2 }), "Values are not equal."],
  ["assertArrayIncludes", () => assertArrayIncludes([1, 2], [2, 3], "words"), "words"],
  ["assertAlmostEquals", () => assertAlmostEquals(1, 1.1), "to be close to"],
  ["assertExists", () => assertExists(null), 'Expected actual: "null" to not be null or undefined.'],
  ["assertGreater", () => assertGreater(1, 1), "Expect 1 > 1"],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1, 2), "Expect 1 >= 2"],
  ["assertLess", () => assertLess(1, 1), "Expect 1 < 1"],
  ["assertLessOrEqual", () => assertLessOrEqual(2, 1), "Expect 2 <= 1"],
  ["assertMatch", () => assertMatch("a", /b/), 'Expected actual: "a" to match: "/b/".'],
  ["assertNotMatch", () => assertNotMatch("a", /a/), 'Expected actual: "a" to not match: "/a/".'],
  ["assertStringIncludes", () => assertStringIncludes("a", "b"), 'Expected actual: "a" to contain: "b".'],
  ["assertInstanceOf", () => assertInstanceOf({}, Odd), 'to be an instance of "Odd" but was "Object".'],
  ["assertThrows", () => assertThrows(() => {}), "Expected function to throw."],
  ["assertThrows by class", () => assertThrows(() => fail(), Odd), 'to be instance of "Odd", but was "AssertionError"'],
  ["assertThrows by message", () => assertThrows(() => fail("a"), Error, "b"), 'message to include "b", but got'],
  ["fail", () => fail("words"), "Failed assertion: words"],
  ["unreachable", () => unreachable(), "Unreachable."],
];

for (const [name, run, message] of failing) {
  Deno.test(`@std/assert: ${name} fails where it should`, () => {
    assertThrows(run, AssertionError, message);
  });
}

Deno.test("@std/assert: assertRejects fails where it should", async () => {
  const resolving = () => assertRejects(() => Promise.resolve(1));
  await assertRejects(resolving, AssertionError, "Expected function to reject.");
  const throwing = () =>
    assertRejects(() => {
      throw new Odd(1);
    });
  await assertRejects(throwing, AssertionError, "Function throws when expected to reject.");
  const ofOtherClass = () => assertRejects(() => Promise.reject(new Error("a")), Odd);
  await assertRejects(ofOtherClass, AssertionError, 'to be instance of "Odd", but was "Error"');
});

Deno.test("@std/encoding: hex and base64, there and back", () => {
  const bytes = new Uint8Array([0, 1, 127, 128, 255]);
  assertEquals(encodeHex(bytes), "00017f80ff");
  assertEquals(decodeHex("00017F80ff"), bytes);
  assertEquals(encodeHex("é"), "c3a9");
  assertEquals(encodeBase64(bytes), "AAF/gP8=");
  assertEquals(decodeBase64("AAF/gP8="), bytes);
  assertEquals(encodeBase64(""), "");
  assertThrows(() => decodeHex("0g"));
  assertThrows(() => decodeHex("012"));
  assertThrows(() => decodeBase64("*"));
});

Deno.test("@std/cli: parseArgs", () => {
  const parsed = parseArgs(["--name", "n1", "--seed=7", "-q", "--tag", "a", "--tag", "b", "file", "3", "--", "-x"], {
    boolean: ["quiet", "json"],
    string: ["name", "tag", "out"],
    collect: ["tag"],
    default: { seed: 1, name: "none" },
    alias: { quiet: "q" },
  });
  const typed: { quiet: boolean; name: string; tag: string[]; out?: string | undefined } = parsed;
  assertEquals([typed.quiet, parsed.json, typed.name, typed.tag, parsed.seed], [true, false, "n1", ["a", "b"], 7]);
  assertEquals([typed.out, parsed._], [undefined, ["file", 3, "-x"]]);
  assertEquals(parseArgs(["--n", "1", "--n", "2"]).n, 2);
  assertEquals(parseArgs(["a", "--json"], { boolean: ["json"], stopEarly: true })._, ["a", "--json"]);
  assertEquals<unknown>(parseArgs(["a", "--", "b"], { "--": true })["--"], ["b"]);
});

const order: string[] = [];

describe("@std/testing/bdd: a suite", () => {
  beforeAll(() => void order.push("before all"));
  beforeEach(() => void order.push("before each"));
  afterEach(() => void order.push("after each"));
  afterAll(() => void order.push("after all"));
  it("runs a test", () => void order.push("test"));
  describe("with a suite in it", () => {
    beforeEach(() => void order.push("inner before each"));
    afterEach(() => void order.push("inner after each"));
    it("runs a test in it", async () => {
      await Promise.resolve();
      order.push("inner test");
    });
  });
});

Deno.test("@std/testing/bdd: the suite above has run its hooks in order", () => {
  assertEquals(order, [
    ...["before all", "before each", "test", "after each"],
    ...["before each", "inner before each", "inner test", "inner after each", "after each", "after all"],
  ]);
});
