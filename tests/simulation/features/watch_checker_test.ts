/** The checker of watches finds what it is there for, and nothing else. */
import { assertEquals } from "@std/assert";
import { KvStateMachine } from "../../../kv/state_machine.ts";
import type { WatchEvent } from "../../../kv/watch.ts";
import { WatchChecker } from "./watch_checker.ts";
import { WatchTruth } from "./watch_truth.ts";

function put(key: string, value: string, version: number, index: number, isLast = true): WatchEvent {
  return { kind: "put", key, value, version, index, isLast };
}

function deleted(key: string, index: number, isLast = true): WatchEvent {
  return { kind: "delete", key, index, isLast };
}

/** A watcher of all keys "w/…" of a machine at which a few things have happened. */
function checker(): WatchChecker {
  const machine = new KvStateMachine();
  const truth = new WatchTruth("w/");
  const execute = (index: number, operation: Parameters<typeof transaction>[0]): void => {
    machine.apply(transaction(operation, index), { index, term: 1, clusterTimeMs: 1 });
    truth.executed(machine, index);
  };
  machine.apply({ kind: "openSession" }, { index: 2, term: 1, clusterTimeMs: 1 });
  execute(3, [{ kind: "put", key: "w/a", value: "1" }]);
  execute(4, [{ kind: "put", key: "other", value: "1" }]);
  execute(5, [{ kind: "append", key: "w/a", value: "2" }, { kind: "put", key: "w/b", value: "3" }]);
  execute(6, [{ kind: "delete", key: "w/a" }]);
  // A second replica executes them later, which tells nothing new.
  truth.executed(new KvStateMachine(), 3);
  const made = new WatchChecker(truth, (key) => key.startsWith("w/"));
  made.begin(3);
  return made;
}

function transaction(
  then: readonly ({ kind: "put" | "append"; key: string; value: string } | { kind: "delete"; key: string })[],
  index: number,
) {
  const operation = { kind: "transaction", comparisons: [], then, else: [] } as const;
  return { kind: "write", sessionId: 2, serialNumber: index, lowestOutstanding: index, operation } as const;
}

const all = [put("w/a", "1", 1, 3), put("w/a", "12", 2, 5, false), put("w/b", "3", 1, 5), deleted("w/a", 6)];

/** What is found wrong, in the order of the events. */
function found(events: readonly WatchEvent[], watcher = checker()): (string | null)[] {
  return events.map((event) => watcher.told(event));
}

Deno.test("all that happened, once and in order, is right", () => {
  const watcher = checker();
  assertEquals(watcher.isUpToDate, false);
  assertEquals(found(all, watcher), [null, null, null, null]);
  assertEquals([watcher.isUpToDate, watcher.position], [true, 7]);
});

Deno.test("a snapshot takes the place of what was before it", () => {
  const entries = [{ key: "w/a", value: "12", version: 2 }, { key: "w/b", value: "3", version: 1 }];
  assertEquals(found([{ kind: "snapshot", entries, index: 5 }, deleted("w/a", 6)]), [null, null]);
  const [problem] = found([{ kind: "snapshot", entries, index: 4 }]);
  assertEquals(problem?.startsWith("the snapshot of index 4 is "), true);
  assertEquals(found([...all, { kind: "snapshot", entries, index: 5 }]).at(-1), "a snapshot of index 5 goes back");
});

Deno.test("an entry that was told in part is told again when the watch is taken up", () => {
  const watcher = checker();
  assertEquals(found(all.slice(0, 2), watcher), [null, null]);
  watcher.begin(watcher.position ?? 0);
  assertEquals(found(all.slice(1), watcher), [null, null, null]);
});

Deno.test("what is missing, repeated, early or torn apart is found", () => {
  const [first, second, third, last] = all;
  if (first === undefined || second === undefined || third === undefined || last === undefined) throw new Error("few");
  assertEquals(found([second]), ["a change of index 5 comes, and the next one was at 3"]);
  assertEquals(found([first, last]), [null, "a change of index 6 comes, and the next one was at 5"]);
  assertEquals(found([first, first]), [null, "a change of index 3 comes behind 3"]);
  assertEquals(found([first, second, last]), [null, null, "a change of index 6 comes, and the next one was at 5"]);
  const torn = found([first, put("w/a", "12", 2, 5)]);
  assertEquals(torn[1]?.startsWith("what was told of index 5 is "), true);
  const twice = found([first, second, second, third]);
  assertEquals(twice[3]?.startsWith("what was told of index 5 is "), true);
  assertEquals(found([put("w/a", "wrong", 1, 3)])[0]?.startsWith("what was told of index 3 is "), true);
  assertEquals(
    found([...all, put("w/z", "9", 1, 9)]).at(-1),
    "a change of index 9 comes, and the next one was at Infinity",
  );
});
