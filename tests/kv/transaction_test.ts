import { assert, assertEquals } from "@std/assert";
import { LeaseTable } from "../../kv/leases.ts";
import type { Comparison, KeyWrite, TransactionOperation } from "../../kv/operations.ts";
import type { WriteFailure, WriteOutcome } from "../../kv/outcomes.ts";
import { Store } from "../../kv/store.ts";
import { transact } from "../../kv/transaction.ts";
import type { Value } from "../../kv/values.ts";
import { seededRandom } from "./seeded_random.ts";

/** A transaction where there are no leases. */
function transactOn(store: Store, transaction: TransactionOperation): WriteOutcome {
  return transact({ store, leases: new LeaseTable() }, transaction, 0);
}

const done = (number: number) => ({ kind: "done" as const, number });

/** A transaction with these comparisons that says in "branch" which way it went. */
function branchOf(store: Store, comparisons: readonly Comparison[]): unknown {
  const outcome = transactOn(store, {
    kind: "transaction",
    comparisons,
    then: [{ kind: "put", key: "branch", value: "then" }],
    else: [{ kind: "put", key: "branch", value: "else" }],
  });
  assertEquals(outcome, done(store.read("branch").value === "then" ? 1 : 0));
  return store.read("branch").value;
}

Deno.test("transaction: comparisons of versions, values and missing keys decide the branch", () => {
  const store = new Store();
  store.put("text", "t");
  store.put("text", "u");
  store.put("bytes", new Uint8Array([1, 2]));
  store.put("empty", "");
  const cases: [Comparison[], string][] = [
    [[], "then"],
    [[{ kind: "version", key: "text", version: 2 }], "then"],
    [[{ kind: "version", key: "text", version: 1 }], "else"],
    [[{ kind: "version", key: "text", version: 0 }], "else"],
    [[{ kind: "version", key: "missing", version: 0 }], "then"],
    [[{ kind: "value", key: "text", value: "u" }], "then"],
    [[{ kind: "value", key: "text", value: "t" }], "else"],
    [[{ kind: "value", key: "bytes", value: new Uint8Array([1, 2]) }], "then"],
    [[{ kind: "value", key: "bytes", value: new Uint8Array([1]) }], "else"],
    [[{ kind: "value", key: "bytes", value: "\u0001\u0002" }], "else"],
    [[{ kind: "value", key: "empty", value: "" }], "then"],
    [[{ kind: "value", key: "empty", value: new Uint8Array() }], "else"],
    [[{ kind: "value", key: "missing", value: "" }], "else"],
    [[{ kind: "version", key: "text", version: 2 }, { kind: "version", key: "bytes", version: 1 }], "then"],
    [[{ kind: "version", key: "text", version: 2 }, { kind: "version", key: "bytes", version: 2 }], "else"],
  ];
  for (const [comparisons, branch] of cases) {
    assertEquals(branchOf(store, comparisons), branch, JSON.stringify(comparisons));
  }
});

Deno.test("transaction: writes are done in order, each seeing those before it", () => {
  const store = new Store();
  const outcome = transactOn(store, {
    kind: "transaction",
    comparisons: [],
    then: [
      { kind: "put", key: "k", value: "a" },
      { kind: "append", key: "k", value: "b" },
      { kind: "delete", key: "k" },
      { kind: "append", key: "k", value: "c" },
      { kind: "increment", key: "n", by: 2 },
      { kind: "increment", key: "n", by: 3 },
    ],
    else: [],
  });
  assertEquals(outcome, done(1));
  assertEquals([store.read("k").value, store.read("k").version], ["c", 1]);
  assertEquals([store.read("n").value, store.read("n").version], ["5", 2]);
});

Deno.test("transaction: a write that is refused undoes all before it, to the version and the byte", () => {
  const failing: [KeyWrite, WriteFailure][] = [
    [{ kind: "append", key: "text", value: new Uint8Array([1]) }, "wrongType"],
    [{ kind: "append", key: "big", value: "x" }, "valueTooLarge"],
    [{ kind: "put", key: "new", value: "x".repeat(3000) }, "storeFull"],
    [{ kind: "increment", key: "text", by: 1 }, "notANumber"],
    [{ kind: "increment", key: "most", by: 1 }, "outOfRange"],
  ];
  for (const [write, reason] of failing) {
    const store = new Store({ maxBytes: 1024 * 1024 + 2000 });
    store.put("text", "t");
    store.put("bytes", new Uint8Array([1, 2]));
    store.append("bytes", new Uint8Array([3]));
    store.put("big", "x".repeat(1024 * 1024));
    store.put("most", String(2 ** 48));
    const [hash, bytes, size] = [store.hash(), store.bytes, store.size];
    const before: KeyWrite[] = [
      { kind: "append", key: "text", value: "!" },
      { kind: "put", key: "text", value: "other" },
      { kind: "append", key: "bytes", value: new Uint8Array([4]) },
      { kind: "delete", key: "bytes" },
      { kind: "put", key: "made", value: "x" },
      { kind: "delete", key: "text" },
      { kind: "put", key: "text", value: "y" },
      { kind: "increment", key: "most", by: -1 },
      { kind: "increment", key: "most", by: 1 },
    ];
    const outcome = transactOn(store, { kind: "transaction", comparisons: [], then: [...before, write], else: [] });
    assertEquals(outcome, { kind: "operationFailed", position: before.length, reason }, reason);
    assertEquals([store.hash(), store.bytes, store.size], [hash, bytes, size], reason);
    assertEquals(store.append("bytes", new Uint8Array([9])), { kind: "written", version: 3 });
    assertEquals(store.read("bytes").value, new Uint8Array([1, 2, 3, 9]), "the room behind the bytes is free again");
  }
});

Deno.test("transaction: all or nothing under random writes, as a copy of the store says", () => {
  let failures = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number): number => Math.floor(random() * count);
    const store = new Store();
    const value = (): string | Uint8Array => random() < 0.2 ? new Uint8Array(pick(4)) : String(pick(100));
    const write = (): KeyWrite => {
      const key = `k${pick(8)}`;
      const kind = (["put", "append", "delete", "increment"] as const)[pick(4)] ?? "put";
      if (kind === "delete") return { kind, key };
      return kind === "increment" ? { kind, key, by: pick(10) } : { kind, key, value: value() };
    };
    for (let round = 0; round < 100; round++) {
      const entries = (): { key: string; value: Value; version: number }[] =>
        [...store.view().range()].map(([key, { value, version }]) => ({ key, value, version }));
      const before = entries();
      const hash = store.hash();
      const writes = Array.from({ length: pick(8) }, write);
      const outcome = transactOn(store, { kind: "transaction", comparisons: [], then: writes, else: [] });
      if (outcome.kind === "operationFailed") {
        failures++;
        assertEquals(store.hash(), hash, `seed ${seed}`);
        assertEquals(entries(), before);
        continue;
      }
      // One by one on a copy, the same writes give the same store.
      const copy = new Store();
      for (const entry of before) copy.load(entry.key, entry.value, entry.version);
      for (const one of writes) {
        assertEquals(transactOn(copy, { kind: "transaction", comparisons: [], then: [one], else: [] }), done(1));
      }
      assertEquals([copy.hash(), copy.bytes], [store.hash(), store.bytes], `seed ${seed}`);
    }
  }
  assert(failures > 100, `only ${failures} transactions were refused`);
});
