import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { maxValueBytes } from "../../kv/limits.ts";
import { Store } from "../../kv/store.ts";
import { continueHash, emptyHash, keyProblem, utf8Bytes, valueProblem } from "../../kv/values.ts";
import { seededRandom } from "./seeded_random.ts";

const bytesOf = (...values: number[]): Uint8Array => new Uint8Array(values);

Deno.test("Store: a missing key reads as the empty text at version 0", () => {
  assertEquals(new Store().read("nothing"), { value: "", version: 0 });
});

Deno.test("Store: put replaces, append adds, each raises the version by one", () => {
  const store = new Store();
  assertEquals(store.append("k", "a"), { kind: "written", version: 1 });
  assertEquals(store.append("k", "b"), { kind: "written", version: 2 });
  assertEquals(store.put("k", "c"), { kind: "written", version: 3 });
  assertEquals(store.append("k", ""), { kind: "written", version: 4 });
  assertEquals(store.read("k").value, "c");
  assertEquals(store.read("k").version, 4);
  assertEquals(store.size, 1);
});

Deno.test("Store: putIfVersion writes at the version it expects and at no other", () => {
  const store = new Store();
  const mismatch = (version: number) => ({ kind: "versionMismatch" as const, version });
  assertEquals(store.putIfVersion("k", "a", 1), { kind: "noKey" });
  assertEquals(store.size, 0);
  assertEquals(store.putIfVersion("k", "a", 0), { kind: "written", version: 1 });
  assertEquals(store.putIfVersion("k", "b", 0), mismatch(1));
  assertEquals(store.putIfVersion("k", "b", 1), { kind: "written", version: 2 });
  assertEquals(store.putIfVersion("k", "c", 1), mismatch(2));
  assertEquals(store.putIfVersion("k", "c", 3), mismatch(2));
  store.append("k", "!");
  assertEquals(store.putIfVersion("k", bytesOf(1), 2), mismatch(3));
  assertEquals(store.read("k").value, "b!");
  assertEquals(store.putIfVersion("k", "x".repeat(maxValueBytes + 1), 3), { kind: "valueTooLarge" });
});

Deno.test("Store: texts and bytes do not mix, and a refused append changes nothing", () => {
  const store = new Store();
  store.put("text", "t");
  store.put("bytes", bytesOf(1));
  const before = store.hash();
  assertEquals(store.append("text", bytesOf(2)), { kind: "wrongType" });
  assertEquals(store.append("bytes", "x"), { kind: "wrongType" });
  assertEquals(store.hash(), before);
  assertEquals(store.put("text", bytesOf(3)), { kind: "written", version: 2 });
  assertEquals(store.append("text", bytesOf(4)), { kind: "written", version: 3 });
  assertEquals(store.read("text").value, bytesOf(3, 4));
});

Deno.test("Store: a value of exactly the limit is taken, one byte more is refused", () => {
  const store = new Store();
  assertEquals(store.put("k", "é".repeat(maxValueBytes / 2)).kind, "written");
  assertEquals(store.append("k", "x").kind, "valueTooLarge");
  assertEquals(store.put("k", "x".repeat(maxValueBytes + 1)).kind, "valueTooLarge");
  assertEquals(store.put("b", new Uint8Array(maxValueBytes - 1)).kind, "written");
  assertEquals(store.append("b", bytesOf(1)).kind, "written");
  assertEquals(store.append("b", bytesOf(1)).kind, "valueTooLarge");
  assertEquals(store.read("b").version, 2);
});

Deno.test("Store: deleting takes key, version and bytes away", () => {
  const store = new Store();
  const empty = store.hash();
  store.put("k", "a");
  const once = store.hash();
  store.put("k", bytesOf(1));
  assertEquals(store.delete("k"), { kind: "done", number: 1 });
  assertEquals(store.delete("k"), { kind: "done", number: 0 });
  assertEquals([store.read("k"), store.size, store.bytes, store.hash()], [{ value: "", version: 0 }, 0, 0, empty]);
  assertEquals(store.put("k", "a"), { kind: "written", version: 1 });
  assertEquals(store.hash(), once);
});

Deno.test("Store: deletePrefix takes the first keys with the prefix, and no others", () => {
  const store = new Store();
  const keys = ["a", "ab", "ab\uffff", "ab\uffff\uffff!", "abc", "ac", "b", "\uffff", "\uffff\uffff"];
  for (const key of keys) store.put(key, "v");
  const left = (): string[] => [...store.view().range()].map(([key]) => key);
  assertEquals(store.deletePrefix("ab", 2), { kind: "done", number: 2 });
  assertEquals(left(), ["a", "ab\uffff", "ab\uffff\uffff!", "ac", "b", "\uffff", "\uffff\uffff"]);
  assertEquals(store.deletePrefix("ab", 100), { kind: "done", number: 2 });
  assertEquals(store.deletePrefix("\uffff", 100), { kind: "done", number: 2 });
  assertEquals(left(), ["a", "ac", "b"]);
  assertEquals(store.deletePrefix("nothing", 100), { kind: "done", number: 0 });
  assertEquals(store.deletePrefix("", 100), { kind: "done", number: 3 });
  assertEquals([store.size, store.bytes, store.hash()], [0, 0, new Store().hash()]);
});

Deno.test("Store: increment counts in decimal digits, and refuses what it cannot count", () => {
  const store = new Store();
  const sum = (number: number) => ({ kind: "done" as const, number });
  assertEquals(store.increment("k", 5), sum(5));
  assertEquals(store.increment("k", -7), sum(-2));
  assertEquals(store.read("k"), { ...store.read("k"), value: "-2", version: 2 });
  store.put("k", "");
  assertEquals(store.increment("k", 0), sum(0));
  assertEquals(store.read("k").value, "0");
  store.put("k", "007");
  assertEquals(store.increment("k", 1), sum(8));
  for (const value of ["x", "1.5", "1e3", " 1", "+1", "--1", "0x10", "١", bytesOf(49)]) {
    store.put("k", value);
    assertEquals(store.increment("k", 1), { kind: "notANumber" }, String(value));
    assertEquals(store.read("k").value, value);
  }
  store.put("k", String(2 ** 48));
  assertEquals(store.increment("k", 1), { kind: "outOfRange" });
  assertEquals(store.increment("k", -(2 ** 48)), sum(0));
  assertEquals(store.increment("k", -(2 ** 48)), sum(-(2 ** 48)));
  assertEquals(store.increment("k", -1), { kind: "outOfRange" });
  store.put("k", "9".repeat(30));
  assertEquals(store.increment("k", 0), { kind: "outOfRange" });
});

Deno.test("Store: a full store refuses what adds and takes what does not", () => {
  const store = new Store({ maxBytes: 10 });
  assertEquals(store.put("ab", "12345678").kind, "written");
  assertEquals(store.bytes, 10);
  assertEquals(store.append("ab", "9").kind, "storeFull");
  assertEquals(store.put("c", "").kind, "storeFull");
  assertEquals(store.put("ab", "1234567").kind, "written");
  assertEquals(store.put("c", "").kind, "written");
  assertEquals(store.bytes, 10);
  store.load("d", "1234567890", 1);
  assertEquals(store.put("d", "123").kind, "written", "what is beyond the limit may shrink");
});

Deno.test("Store: bytes handed in or read earlier are not changed by later appends", () => {
  const store = new Store();
  const given = bytesOf(9, 1, 2, 9);
  store.put("k", given.subarray(1, 3));
  given.fill(0);
  assertEquals(store.read("k").value, bytesOf(1, 2));
  const reads: { value: unknown; expected: Uint8Array }[] = [];
  const expected = [1, 2];
  for (let n = 0; n < 300; n++) {
    reads.push({ value: store.read("k").value, expected: new Uint8Array(expected) });
    store.append("k", bytesOf(n & 0xff));
    expected.push(n & 0xff);
  }
  for (const read of reads) assertEquals(read.value, read.expected);
});

Deno.test("Store: views and hashes agree with a naive model under random writes", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = seededRandom(seed);
    const store = new Store();
    const model = new Map<string, { value: string; version: number }>();
    for (let step = 0; step < 500; step++) {
      const key = `k${Math.floor(random() * 40)}`;
      const piece = "aé€😀".slice(0, 1 + Math.floor(random() * 3));
      const value = piece.isWellFormed() ? piece : "😀";
      const old = model.get(key) ?? { value: "", version: 0 };
      if (random() < 0.5) {
        store.put(key, value);
        model.set(key, { value, version: old.version + 1 });
      } else {
        store.append(key, value);
        model.set(key, { value: old.value + value, version: old.version + 1 });
      }
    }
    const rebuilt = new Store();
    let bytes = 0;
    for (const [key, { value, version }] of [...model].reverse()) {
      rebuilt.load(key, value, version);
      bytes += new TextEncoder().encode(key + value).length;
      assertEquals({ value: store.read(key).value, version: store.read(key).version }, { value, version });
    }
    assertEquals(store.bytes, bytes, `seed ${seed}`);
    assertEquals(rebuilt.bytes, bytes, `seed ${seed}`);
    assertEquals(rebuilt.hash(), store.hash(), `seed ${seed}`);
    assertEquals([...store.view().range()].map(([key]) => key), [...model.keys()].sort());
  }
});

Deno.test("Store: the hash tells key, value, type and version apart", () => {
  const hashOf = (...loads: [string, string | Uint8Array, number][]): string => {
    const store = new Store();
    for (const [key, value, version] of loads) store.load(key, value, version);
    return store.hash();
  };
  const hashes = [
    hashOf(),
    hashOf(["a", "b", 1]),
    hashOf(["b", "a", 1]),
    hashOf(["a", "b", 2]),
    hashOf(["a", "b", 1 + 2 ** 32]),
    hashOf(["a", bytesOf(98), 1]),
    hashOf(["a", "", 1], ["b", "", 1]),
    hashOf(["a", "b", 1], ["b", "a", 1]),
    hashOf(["a", "a", 1], ["b", "b", 1]),
  ];
  assertEquals(new Set(hashes).size, hashes.length);
  assert(hashes.every((hash) => /^[0-9a-f]{16}$/.test(hash)));
  assertNotEquals(hashes[1], hashes[2]);
});

Deno.test("Store: the digest tells what the hash tells", () => {
  const one = new Store();
  const other = new Store();
  assertEquals(one.digest(), other.digest());
  one.put("k", "a");
  assertNotEquals(one.digest(), other.digest());
  other.put("k", "a");
  assertEquals(one.digest(), other.digest());
  other.put("k", "a");
  assertNotEquals(one.digest(), other.digest());
});

Deno.test("Store: each value that has changed in memory is found after as many looks as it takes, and no other", () => {
  for (const victim of [0, 63, 64, 99]) {
    const store = new Store();
    for (let at = 0; at < 100; at++) store.put(`k${at}`, at % 2 === 0 ? `value ${at}` : bytesOf(at, 1, 2));
    for (let at = 0; at < 100; at += 3) store.append(`k${at}`, at % 2 === 0 ? "!" : bytesOf(3));
    for (let look = 0; look < 5; look++) store.scrub(64, 1000);
    const { value } = store.read(`k${victim}`);
    if (typeof value === "string") Object.assign(store.read(`k${victim}`), { value: value.replace("v", "w") });
    else value[1] = 7;
    assertThrows(
      () => {
        for (let look = 0; look < 2; look++) store.scrub(64, 1000);
      },
      Error,
      `the value of "k${victim}" in memory is not what was written`,
    );
  }
});

Deno.test("Store: a value larger than one look is looked at all the same, but not every time", () => {
  const store = new Store();
  store.put("a", "small");
  store.put("b", "x".repeat(10_000));
  store.put("c", "small");
  Object.assign(store.read("b"), { value: "x".repeat(9_999) + "y" });
  for (let look = 0; look < 9; look++) store.scrub(64, 1000);
  assertThrows(
    () => {
      for (let look = 0; look < 3; look++) store.scrub(64, 1000);
    },
    Error,
    'the value of "b"',
  );
});

Deno.test("Store: 100,000 appends to one key stay linear, of text and of bytes", () => {
  for (const piece of ["0123456789", new Uint8Array(10).fill(7)]) {
    const store = new Store();
    /** The time of the fastest tenth, in ms: what else the machine does meanwhile slows down some of them, not all. */
    const fastest = (count: number): number =>
      Math.min(...Array.from({ length: 10 }, () => {
        const start = performance.now();
        for (let n = 0; n < count / 10; n++) store.append("k", piece);
        return performance.now() - start;
      }));
    fastest(20_000);
    const early = fastest(30_000);
    fastest(20_000);
    const late = fastest(30_000);
    // Were each append to cost what the value is long, the second stretch would take over twice as long.
    assert(late < 2 * early + 10, `3,000 appends took ${early} ms, later ${late} ms`);
    assertEquals(store.read("k").value.length, 1_000_000);
  }
});

Deno.test("Store: a text that has come by 100,000 appends takes little more memory than its length", async () => {
  const script = new URL("./append_memory.ts", import.meta.url).href;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-config", "--no-check", "--v8-flags=--expose-gc", script],
  }).output();
  const perByte = Number(new TextDecoder().decode(stdout).trim() || NaN);
  assert(perByte > 0.5 && perByte < 1.5, `${perByte} bytes of heap for a byte: ${new TextDecoder().decode(stderr)}`);
});

Deno.test("values: UTF-8 lengths and hashes equal those of the whole", () => {
  const text = "plain é € 😀 \uffff";
  assertEquals(utf8Bytes(text), new TextEncoder().encode(text).length);
  for (let cut = 0; cut <= text.length; cut++) {
    const pieces = continueHash(continueHash(emptyHash, text.slice(0, cut)), text.slice(cut));
    assertEquals(pieces, continueHash(emptyHash, text));
  }
});

Deno.test("values: keys and values out of bounds are named", () => {
  assertEquals(keyProblem("k"), null);
  assertEquals(keyProblem("é".repeat(2048)), null);
  assert(keyProblem("")?.includes("empty"));
  assert(keyProblem("é".repeat(2049))?.includes("4098"));
  assert(keyProblem("\ud800")?.includes("lone surrogate"));
  assertEquals(valueProblem(""), null);
  assert(valueProblem("\udc00")?.includes("lone surrogate"));
  assert(valueProblem(new Uint8Array(maxValueBytes + 1))?.includes(String(maxValueBytes)));
});
