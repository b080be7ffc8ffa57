/** The strict subset of CBOR: what it has, and that it has nothing else. */
import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { CborError, type CborValue, decodeCbor, encodeCbor, maxDepth, maxItems } from "../../../raft/encoding/cbor.ts";
import { CborWriter } from "../../../raft/encoding/cbor_writer.ts";
import { acceptedVectors, refusedVectors } from "./rfc8949_vectors.ts";

/** Maps come back without a prototype; for comparing they get one. */
function plain(value: CborValue): CborValue {
  return structuredClone(value);
}

function assertRefused(hex: string, because: RegExp): void {
  const error = assertThrows(() => decodeCbor(Uint8Array.fromHex(hex)), CborError);
  assert(because.test(error.message), `${hex}: ${error.message}`);
}

function nested(depth: number, innermost: CborValue = 0): CborValue {
  let value = innermost;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

Deno.test("cbor: RFC 8949 appendix A, the rows of the subset, both ways", () => {
  for (const { hex, value } of acceptedVectors) {
    assertEquals(plain(decodeCbor(Uint8Array.fromHex(hex))), value);
    assertEquals(encodeCbor(value).toHex(), hex);
  }
});

Deno.test("cbor: RFC 8949 appendix A, the rows beyond the subset", () => {
  for (const { hex, because } of refusedVectors) assertRefused(hex, because);
});

Deno.test("cbor: integers at every change of length, both ways", () => {
  const edges = [23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER];
  for (const edge of edges) {
    for (const value of [edge, -edge, -edge - 1].filter(Number.isSafeInteger)) {
      assertEquals(decodeCbor(encodeCbor(value)), value);
    }
  }
  assertEquals(encodeCbor(Number.MAX_SAFE_INTEGER).toHex(), "1b001fffffffffffff");
  assertEquals(encodeCbor(-Number.MAX_SAFE_INTEGER).toHex(), "3b001ffffffffffffe");
});

Deno.test("cbor: integers beyond 2^53 - 1 are refused, not rounded", () => {
  assertRefused("1b0020000000000000", /beyond 2\^53 - 1/);
  assertRefused("3b001fffffffffffff", /below -\(2\^53 - 1\)/);
});

Deno.test("cbor: arguments must have their shortest form", () => {
  const longer = [
    "1817",
    "190018",
    "1900ff",
    "1a0000ffff",
    "1b00000000ffffffff",
    "3817",
    "5803010203",
    "780161",
    "9800",
  ];
  for (const hex of longer) assertRefused(hex, /shortest form/);
  assertRefused("b800", /shortest form/);
});

Deno.test("cbor: numbers have one encoding", () => {
  assertEquals(encodeCbor(-0).toHex(), "00");
  assertEquals(encodeCbor(2 ** 53).toHex(), "fb4340000000000000");
  assertEquals(decodeCbor(encodeCbor(Number.MIN_VALUE)), Number.MIN_VALUE);
  assertRefused("fb3ff0000000000000", /whole number must be encoded as an integer/);
  assertRefused("fb8000000000000000", /whole number must be encoded as an integer/);
  assertRefused("fb0000000000000000", /whole number must be encoded as an integer/);
});

Deno.test("cbor: a reserved initial byte is refused in every major type", () => {
  for (let type = 0; type < 6; type++) {
    for (const additional of [28, 29, 30]) {
      assertRefused((type * 32 + additional).toString(16).padStart(2, "0"), /reserved/);
    }
    const indefinite = (type * 32 + 31).toString(16).padStart(2, "0");
    assertRefused(indefinite, /indefinite lengths/);
  }
  assertRefused("ff", /only false, true, null and float64/);
});

Deno.test("cbor: simple values other than false, true and null are refused", () => {
  for (let initial = 0xe0; initial <= 0xff; initial++) {
    if ([0xf4, 0xf5, 0xf6, 0xfb].includes(initial)) continue;
    assertRefused(`${initial.toString(16)}00000000000000000000`, /only false, true, null and float64/);
  }
});

Deno.test("cbor: bytes cut anywhere are refused", () => {
  const whole = encodeCbor(["put", "color", { a: [1.5, 300, 70_000, 2 ** 40], b: null }, new Uint8Array(300), true]);
  for (let cut = 0; cut < whole.length; cut++) assertThrows(() => decodeCbor(whole.subarray(0, cut)), CborError);
});

Deno.test("cbor: bytes behind the item are refused", () => {
  assertRefused("0000", /1 bytes behind the item/);
  assertRefused("8001", /1 bytes behind the item/);
});

Deno.test("cbor: strings longer than the input are refused", () => {
  assertRefused("6a616263", /a string of 10 bytes is cut short/);
  assertRefused("5affffffff00", /a string of 4294967295 bytes is cut short/);
  assertRefused("7b001fffffffffffff61", /cut short/);
});

Deno.test("cbor: counts are compared with what remains", () => {
  assertRefused("9a0200000000", /33554432 items declared in too few bytes/);
  assertRefused("9b001fffffffffffff", /declared in too few bytes/);
  assertRefused("bb001fffffffffffff", /declared in too few bytes/);
  assertRefused("a26161", /declared in too few bytes/);
});

Deno.test("cbor: at most 65,536 items", () => {
  const most = new Array<number>(maxItems).fill(0);
  assertEquals(decodeCbor(encodeCbor(most)), most);
  assertThrows(() => encodeCbor([...most, 0]), CborError, "65537 items");
  const bytes = new Uint8Array(5 + maxItems + 1);
  bytes.set([0x9a, 0, 1, 0, 1]);
  assertThrows(() => decodeCbor(bytes), CborError, "65536 is the limit");
});

Deno.test("cbor: items are counted over the whole value", () => {
  const half = new Array<number>(maxItems / 2).fill(0);
  assertThrows(() => encodeCbor([half, half]), CborError, "more than 65536 items");
  const writer = new CborWriter();
  writer.array(2);
  for (let time = 0; time < 2; time++) writer.raw(encodeCbor(half));
  assertThrows(() => decodeCbor(writer.finish()), CborError, "more than 65536 items");
});

Deno.test("cbor: nesting is limited, both ways", () => {
  assertEquals(decodeCbor(encodeCbor(nested(maxDepth))), nested(maxDepth));
  assertThrows(() => encodeCbor(nested(maxDepth + 1)), CborError, "nested more than 16 deep");
  assertRefused("81".repeat(maxDepth) + "8100", /nested more than 16 deep/);
  assertRefused("81".repeat(100_000) + "00", /nested more than 16 deep/);
  assertRefused("a16161".repeat(maxDepth + 1) + "00", /nested more than 16 deep/);
});

Deno.test("cbor: map keys ascend by their encodings, shorter ones first", () => {
  const value = { b: 1, aa: 2, a: 3, "": 4, "\u00fc": 5, zz: 6 };
  // "" a b aa zz ü: two characters of ASCII are as long as one of two bytes, and the bytes decide.
  assertEquals(encodeCbor(value).toHex(), "a6600461610361620162616102627a7a0662c3bc05");
  assertEquals(plain(decodeCbor(encodeCbor(value))), value);
  // UTF-16 would put U+1F600 (D83D DE00) before U+FFFD; UTF-8 is compared.
  assertEquals(Object.keys(plain(decodeCbor(encodeCbor({ "\u{1f600}": 1, "a\ufffd": 2 }))) ?? {}), [
    "a\ufffd",
    "\u{1f600}",
  ]);
});

Deno.test("cbor: map keys out of order or twice are refused", () => {
  assertRefused("a2616200616100", /keys must ascend/);
  assertRefused("a2616100616100", /none may come twice/);
  assertRefused("a262616100616200", /keys must ascend/);
});

Deno.test("cbor: keys are only ever data", () => {
  const hostile = Uint8Array.fromHex("a3695f5f70726f746f5f5fa161780168746f537472696e67006b636f6e7374727563746f7200");
  assertThrows(() => decodeCbor(hostile), CborError, "keys must ascend");
  const writer = new CborWriter();
  writer.map(3);
  for (const key of ["toString", "__proto__", "constructor"]) {
    writer.text(key);
    writer.integer(7);
  }
  const decoded = decodeCbor(writer.finish());
  assert(decoded !== null && typeof decoded === "object");
  assertStrictEquals(Object.getPrototypeOf(decoded), null);
  assertEquals(Object.entries(decoded), [["toString", 7], ["__proto__", 7], ["constructor", 7]]);
  assertEquals(encodeCbor(decoded), writer.finish());
});

Deno.test("cbor: keys must be texts", () => {
  for (const key of ["01", "4161", "f6", "80"]) assertRefused(`a1${key}00`, /a text string expected/);
});

Deno.test("cbor: UTF-8 is fatal", () => {
  // A stray continuation, an overlong slash, a surrogate, beyond U+10FFFF, a character cut short; in long text too.
  for (const bad of ["80", "c0af", "eda080", "f4908080", "e282"]) {
    assertRefused((0x60 + bad.length / 2).toString(16) + bad, /not valid UTF-8/);
    const long = "61".repeat(100) + bad;
    assertRefused(`78${(long.length / 2).toString(16)}${long}`, /not valid UTF-8/);
  }
});

Deno.test("cbor: texts come back as they went, whatever their length", () => {
  for (const character of ["a", "\u00fc", "\u6c34", "\u{10151}", "\ufeff", "\u0000"]) {
    for (const count of [1, 8, 15, 16, 23, 24, 85, 86, 255, 256, 21_845, 65_536]) {
      const text = character.repeat(count);
      assertEquals(decodeCbor(encodeCbor(text)), text);
    }
  }
});

Deno.test("cbor: lone surrogates cannot be encoded", () => {
  for (const text of ["\ud800", "a\udc00", "x".repeat(50) + "\ud800x"]) {
    assertThrows(() => encodeCbor(text), CborError, "lone surrogate");
    assertThrows(() => encodeCbor({ [text]: 1 }), CborError, "lone surrogate");
  }
});

Deno.test("cbor: what has no encoding is refused", () => {
  const values: unknown[] = [undefined, 1n, Symbol("s"), () => 1, NaN, Infinity, -Infinity];
  values.push(new Date(0), new Map(), new Set(), new Float64Array(1), new ArrayBuffer(1), /x/, [1, , 2], {
    a: undefined,
  });
  for (const value of values) {
    // The types forbid these; callers in JavaScript do not know that.
    assertThrows(() => Reflect.apply(encodeCbor, null, [value]), CborError, "Cannot encode");
  }
});

Deno.test("cbor: decoded byte strings are views of the input", () => {
  const bytes = encodeCbor([Uint8Array.of(1, 2, 3)]);
  const decoded = decodeCbor(bytes);
  assert(Array.isArray(decoded) && decoded[0] instanceof Uint8Array);
  assertStrictEquals(decoded[0].buffer, bytes.buffer);
});
