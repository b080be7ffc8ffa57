import { assert, assertEquals } from "@std/assert";
import { maxPageBytes } from "../../kv/limits.ts";
import { countOf, pageOf, type RangeQuery } from "../../kv/queries.ts";
import { Store } from "../../kv/store.ts";
import { endOfPrefix } from "../../kv/values.ts";
import { seededRandom } from "./seeded_random.ts";

const everything: RangeQuery = {
  kind: "range",
  prefix: "",
  from: "",
  to: null,
  cursor: null,
  limit: 10_000,
  reverse: false,
  keysOnly: false,
};

function pageIn(store: Store, query: Partial<RangeQuery>): { keys: string[]; cursor: string | null } {
  const page = pageOf(store.entries, { ...everything, ...query });
  assert(page.kind === "range");
  return { keys: page.entries.map(({ key }) => key), cursor: page.cursor };
}

function storeOf(...keys: string[]): Store {
  const store = new Store();
  for (const key of keys) store.put(key, `value of ${key}`);
  return store;
}

Deno.test("range: from, to and prefix choose the keys, in order or in reverse", () => {
  const store = storeOf("a", "b", "b1", "b2", "c", "\uffff");
  assertEquals(pageIn(store, {}), { keys: ["a", "b", "b1", "b2", "c", "\uffff"], cursor: null });
  assertEquals(pageIn(store, { reverse: true }).keys, ["\uffff", "c", "b2", "b1", "b", "a"]);
  assertEquals(pageIn(store, { prefix: "b" }).keys, ["b", "b1", "b2"]);
  assertEquals(pageIn(store, { prefix: "b", from: "b1" }).keys, ["b1", "b2"]);
  assertEquals(pageIn(store, { prefix: "b", to: "b2", reverse: true }).keys, ["b1", "b"]);
  assertEquals(pageIn(store, { prefix: "b", from: "c" }).keys, []);
  assertEquals(pageIn(store, { prefix: "\uffff" }).keys, ["\uffff"]);
  assertEquals(pageIn(store, { from: "c", to: "a" }).keys, []);
  assertEquals(pageIn(store, { to: "" }).keys, []);
});

Deno.test("range: entries have value and version, and no value if only keys are wanted", () => {
  const store = storeOf("a");
  store.append("a", "!");
  store.put("b", new Uint8Array([1]));
  const whole = pageOf(store.entries, everything);
  assertEquals(whole, {
    kind: "range",
    entries: [{ key: "a", version: 2, value: "value of a!" }, { key: "b", version: 1, value: new Uint8Array([1]) }],
    cursor: null,
  });
  const keys = pageOf(store.entries, { ...everything, keysOnly: true });
  assert(keys.kind === "range");
  assertEquals(keys.entries, [{ key: "a", version: 2, value: null }, { key: "b", version: 1, value: null }]);
});

Deno.test("range: pages follow each other without gap or overlap, whatever their size and direction", () => {
  const random = seededRandom(9);
  const keys = Array.from({ length: 500 }, () => Math.floor(random() * 1e6).toString(36));
  const store = storeOf(...keys);
  const sorted = [...new Set(keys)].sort();
  for (const reverse of [false, true]) {
    for (const limit of [1, 7, 100, 499, 10_000]) {
      for (const bounds of [{}, { prefix: "a" }, { from: "3", to: "k" }]) {
        const found: string[] = [];
        for (let cursor: string | null = null, pages = 0;; pages++) {
          const page = pageIn(store, { ...bounds, reverse, limit, cursor });
          assert(page.keys.length <= limit && pages <= 500);
          found.push(...page.keys);
          if (page.cursor === null) break;
          assertEquals(page.cursor, page.keys.at(-1));
          cursor = page.cursor;
        }
        const { prefix = "", from = "", to = "~" } = bounds as { prefix?: string; from?: string; to?: string };
        const expected = sorted.filter((key) => key.startsWith(prefix) && key >= from && key < to);
        assertEquals(found, reverse ? expected.reverse() : expected);
      }
    }
  }
});

Deno.test("range: a page that is exactly full has no cursor, and one behind the last key is empty", () => {
  const store = storeOf("a", "b", "c");
  assertEquals(pageIn(store, { limit: 3 }), { keys: ["a", "b", "c"], cursor: null });
  assertEquals(pageIn(store, { limit: 2 }), { keys: ["a", "b"], cursor: "b" });
  assertEquals(pageIn(store, { cursor: "c" }), { keys: [], cursor: null });
  assertEquals(pageIn(store, { cursor: "bb" }), { keys: ["c"], cursor: null });
  assertEquals(pageIn(store, { cursor: "", from: "b" }).keys, ["b", "c"], "a cursor before the range changes nothing");
  assertEquals(pageIn(store, { cursor: "z", reverse: true, to: "b" }).keys, ["a"]);
});

Deno.test("range: a page ends at its limit of bytes, but has at least one entry", () => {
  const store = new Store();
  for (let n = 0; n < 6; n++) store.put(`k${n}`, "x".repeat(1024 * 1024 - 100));
  const first = pageIn(store, {});
  assertEquals(first, { keys: ["k0", "k1", "k2", "k3"], cursor: "k3" });
  assertEquals(pageIn(store, { cursor: first.cursor }), { keys: ["k4", "k5"], cursor: null });
  assertEquals(pageIn(store, { keysOnly: true }).keys.length, 6);
  assert(maxPageBytes === 4 * 1024 * 1024);
});

Deno.test("count: counts what range finds", () => {
  const random = seededRandom(4);
  const store = storeOf(...Array.from({ length: 3000 }, () => Math.floor(random() * 1e6).toString(36)));
  const bound = (): string => Math.floor(random() * 1e6).toString(36).slice(0, 1 + Math.floor(random() * 3));
  for (let round = 0; round < 200; round++) {
    const prefix = random() < 0.5 ? "" : bound().slice(0, 1);
    const selection = { prefix, from: random() < 0.5 ? "" : bound(), to: random() < 0.5 ? null : bound() };
    const count = pageIn(store, selection).keys.length;
    assertEquals(countOf(store.entries, selection), { kind: "count", count }, JSON.stringify(selection));
  }
});

Deno.test("values: the end of a prefix is above all keys that begin with it, and above no other", () => {
  assertEquals(endOfPrefix(""), undefined);
  assertEquals(endOfPrefix("a"), "b");
  assertEquals(endOfPrefix("a\uffff"), "b");
  assertEquals(endOfPrefix("\uffff\uffff"), undefined);
  const end = endOfPrefix("a\ud7ff") ?? "";
  assert("a\ud7ff\uffff\uffff" < end && end <= "a\u{10000}");
});
