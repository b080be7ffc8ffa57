import { assert, assertEquals } from "@std/assert";
import type { KeyWrite, Operation } from "../../kv/operations.ts";
import { KvStateMachine } from "../../kv/state_machine.ts";
import { type KeyChange, WatchHistory, type WatchReading } from "../../kv/watch_history.ts";
import { seededRandom } from "./seeded_random.ts";

const everything = { isPrefix: true, key: "" };
const startMs = 1_700_000_000_000;

/** A machine with one session, and writes through it. */
function machineWith(options: { maxEvents?: number; maxHistoryBytes?: number } = {}) {
  const machine = new KvStateMachine(options);
  let index = 1;
  machine.apply({ kind: "openSession" }, { index, term: 1, clusterTimeMs: startMs });
  const write = (operation: Operation): number => {
    index++;
    machine.apply(
      { kind: "write", sessionId: 1, serialNumber: index, lowestOutstanding: index, operation },
      { index, term: 1, clusterTimeMs: startMs + index },
    );
    return index;
  };
  return { machine, write };
}

function changesOf(reading: WatchReading): readonly KeyChange[] {
  assert(reading.kind === "changes", reading.kind);
  return reading.changes;
}

function put(key: string, value: string): KeyWrite {
  return { kind: "put", key, value };
}

Deno.test("WatchHistory: every kind of write tells what it has changed, and nothing else does", () => {
  const { machine, write } = machineWith();
  const found = (operation: Operation): unknown[] => {
    const index = write(operation);
    return changesOf(machine.history.read(everything, { index, offset: 0 }, 1e6)).map((change) => {
      assertEquals(change.index, index);
      return [change.key, change.version, change.value];
    });
  };
  assertEquals(found(put("a", "1")), [["a", 1, "1"]]);
  assertEquals(found({ kind: "append", key: "a", value: "2" }), [["a", 2, "12"]]);
  assertEquals(found({ kind: "increment", key: "a", by: 1 }), [["a", 3, "13"]]);
  assertEquals(found({ kind: "putIfVersion", key: "a", value: "x", version: 3 }), [["a", 4, "x"]]);
  assertEquals(found({ kind: "putIfVersion", key: "a", value: "y", version: 3 }), []);
  assertEquals(found({ kind: "increment", key: "a", by: 1 }), [], "refused");
  assertEquals(found({ kind: "delete", key: "a" }), [["a", 0, ""]]);
  assertEquals(found({ kind: "delete", key: "a" }), [], "it was missing");
  assertEquals(found({ kind: "acquireLock", name: "a", leaseMs: 1000 }), []);
  found(put("b1", "x"));
  found(put("b2", "x"));
  assertEquals(found({ kind: "deletePrefix", prefix: "b", limit: 10 }), [["b1", 0, ""], ["b2", 0, ""]]);
});

Deno.test("WatchHistory: a transaction changes a key once, from what it was to what it is, or not at all", () => {
  const { machine, write } = machineWith();
  write(put("old", "1"));
  const found = (then: readonly KeyWrite[]): unknown[] => {
    const index = write({ kind: "transaction", comparisons: [], then, else: [] });
    return changesOf(machine.history.read(everything, { index, offset: 0 }, 1e6)).map((
      { key, version },
    ) => [key, version]);
  };
  assertEquals(found([put("b", "1"), put("a", "1")]), [["b", 1], ["a", 1]]);
  assertEquals(found([put("a", "2"), put("c", "1"), put("a", "3")]), [["a", 3], ["c", 1]]);
  assertEquals(found([put("new", "1"), { kind: "delete", key: "new" }]), [], "nothing has changed");
  assertEquals(found([{ kind: "delete", key: "a" }, put("a", "4")]), [["a", 1]]);
  const bytes = { kind: "append", key: "old", value: new Uint8Array(1) } as const;
  assertEquals(found([put("a", "5"), { kind: "delete", key: "c" }, bytes]), [], "refused as a whole");
  assertEquals(found([put("a", "5")]), [["a", 2]]);
});

Deno.test("WatchHistory: reads by key and prefix, in pieces as large as asked for, also within an entry", () => {
  const { machine, write } = machineWith();
  const first = write(put("a/1", "x"));
  const keys = Array.from({ length: 5 }, (_, at) => `a/${at}`);
  write({ kind: "transaction", comparisons: [], then: keys.map((key) => put(key, "y".repeat(50))), else: [] });
  const last = write(put("b", "z"));
  const { history } = machine;
  const one = history.read({ isPrefix: false, key: "a/1" }, { index: 1, offset: 0 }, 1e6);
  assertEquals(changesOf(one).map(({ index, value }) => [index, value]), [[first, "x"], [first + 1, "y".repeat(50)]]);
  const pieces: string[] = [];
  for (let from = { index: 1, offset: 0 };;) {
    const reading = history.read({ isPrefix: true, key: "a" }, from, 250);
    assert(reading.kind === "changes");
    pieces.push(reading.changes.map(({ key }) => key).join(" "));
    from = reading.next;
    if (!reading.isAll) continue;
    assertEquals(from, { index: last + 1, offset: 0 });
    break;
  }
  assertEquals(pieces, ["a/1 a/0", "a/1 a/2", "a/3 a/4"]);
  assertEquals(history.read(everything, { index: 99, offset: 0 }, 1e6), {
    ...{ kind: "changes", changes: [], next: { index: 99, offset: 0 }, isAll: true },
  });
});

Deno.test("WatchHistory: what is forgotten is said to be forgotten, and an entry is known as a whole or not at all", () => {
  for (const options of [{ maxEvents: 4 }, { maxHistoryBytes: 4 * 66 }]) {
    const { machine, write } = machineWith(options);
    for (const key of ["a", "b", "c", "d"]) write(put(key, "1"));
    assertEquals(changesOf(machine.history.read(everything, { index: 1, offset: 0 }, 1e6)).length, 4);
    write({ kind: "transaction", comparisons: [], then: [put("e", "1"), put("f", "1"), put("g", "1")], else: [] });
    write({ kind: "increment", key: "a", by: 1 });
    assertEquals(machine.history.read(everything, { index: 5, offset: 0 }, 1e6), { kind: "compacted", firstIndex: 6 });
    const known = changesOf(machine.history.read(everything, { index: 6, offset: 0 }, 1e6));
    assertEquals(known.map(({ key }) => key), ["e", "f", "g", "a"]);
    write(put("h", "1"));
    assertEquals(machine.history.read(everything, { index: 6, offset: 0 }, 1e6).kind, "compacted", "e has gone");
    assertEquals(changesOf(machine.history.read(everything, { index: 7, offset: 0 }, 1e6)).length, 2);
  }
});

Deno.test("WatchHistory: a snapshot takes the place of what came before it", async () => {
  const { machine, write } = machineWith();
  for (const key of ["a", "b", "c"]) write(put(key, "1"));
  const restored = new KvStateMachine();
  await restored.restore(machine.snapshot().chunks());
  assertEquals(restored.history.read(everything, { index: 4, offset: 0 }, 1e6), { kind: "compacted", firstIndex: 5 });
  const fromNow = restored.query({ kind: "watch", selection: everything, from: null, maxBytes: 1e6 });
  assertEquals(fromNow, { kind: "changes", changes: [], next: { index: 5, offset: 0 }, isAll: true });
});

Deno.test("WatchHistory: changes, applied one by one, make the store", () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = seededRandom(seed);
    const pick = (count: number): number => Math.floor(random() * count);
    const { machine, write } = machineWith();
    const single = (): KeyWrite => {
      const key = `k${pick(12)}`;
      const roll = random();
      if (roll < 0.3) return { kind: "delete", key };
      if (roll < 0.5) return { kind: "increment", key, by: pick(5) };
      return roll < 0.8 ? put(key, String(pick(100))) : { kind: "append", key, value: random() < 0.3 ? "x" : "1" };
    };
    const operation = (): Operation => {
      if (random() < 0.6) return single();
      if (random() < 0.2) return { kind: "deletePrefix", prefix: "k1", limit: 1 + pick(3) };
      return { kind: "transaction", comparisons: [], then: Array.from({ length: pick(6) }, single), else: [] };
    };
    for (let round = 0; round < 400; round++) write(operation());
    const copy = new Map<string, [number, unknown]>();
    const seen = new Set<string>();
    for (
      const { index, key, version, value } of changesOf(machine.history.read(everything, { index: 1, offset: 0 }, 1e9))
    ) {
      assert(!seen.has(`${index} ${key}`), "each pair of index and key is unique");
      seen.add(`${index} ${key}`);
      if (version === 0) assert(copy.delete(key), "only what was there is deleted");
      else copy.set(key, [version, value]);
    }
    const range = { kind: "range", prefix: "", from: "", to: null, cursor: null, limit: 1000 } as const;
    const page = machine.query({ ...range, reverse: false, keysOnly: false });
    assert("kind" in page && page.kind === "range");
    assertEquals(
      [...copy].sort(([a], [b]) => a < b ? -1 : 1),
      page.entries.map(({ key, version, value }) => [key, [version, value]]),
    );
  }
});

Deno.test("WatchHistory: a node that nobody has asked keeps little", () => {
  const history = new WatchHistory();
  const entry = { value: "v", version: 1, bytes: 1, hash: 0 };
  const note = (from: number, to: number): void => {
    for (let index = from; index <= to; index++) {
      history.begin(index);
      history.changed("k", entry);
      history.end();
    }
  };
  note(1, 10_000);
  assertEquals(history.read(everything, { index: 8976, offset: 0 }, 1e9), { kind: "compacted", firstIndex: 8977 });
  note(10_001, 20_000);
  assertEquals(changesOf(history.read(everything, { index: 8977, offset: 0 }, 1e9)).length, 11_024);
});
