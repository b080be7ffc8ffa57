/**
 * From committed to applied.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { InvariantError } from "../../../raft/core/invariant.ts";
import type { Entry, SnapshotMeta } from "../../../raft/core/types.ts";
import { ApplyQueue } from "../../../raft/node/apply_queue.ts";
import { ManualClock, settle } from "./support/manual_clock.ts";

const configuration = { voters: ["n1"], outgoing: [], learners: [] };

function noops(first: number, last: number): Entry[] {
  return Array.from(
    { length: last - first + 1 },
    (_, at) => ({ kind: "noop", index: first + at, term: 1, clusterTimeMs: 0 }),
  );
}

function queue(): { readonly queue: ApplyQueue; readonly log: string[]; readonly finish: () => Promise<void> } {
  const log: string[] = [];
  let resolve = (): void => {};
  const under = new ApplyQueue({
    applier: {
      apply: (entries) => void log.push(...entries.map(({ index }) => `${index}`)),
      restore(snapshot: SnapshotMeta) {
        log.push(`restore ${snapshot.last.index}`);
        return new Promise((done) => resolve = done);
      },
    },
    start: { last: { index: 0, term: 0 }, configuration },
    readSnapshot: () => ReadableStream.from([]),
    clock: new ManualClock(),
    onRestored: () => log.push("restored"),
    onFailed: (error) => log.push(`${error}`),
  });
  const finish = (): Promise<void> => {
    resolve();
    return settle();
  };
  return { queue: under, log, finish };
}

Deno.test("a snapshot replaces what was queued before it; what follows waits for it", async () => {
  const { queue: under, log, finish } = queue();
  under.add(null, noops(1, 3));
  under.add({ last: { index: 10, term: 1 }, configuration }, noops(11, 12));
  assertEquals([under.isRestoring, under.hasWork], [true, true]);
  under.run(Infinity);
  under.run(Infinity);
  assertEquals([log, under.isRestoring, under.hasWork, under.appliedIndex], [["restore 10"], true, false, 0]);
  await finish();
  assertEquals([under.isRestoring, under.appliedIndex], [false, 10]);
  under.run(Infinity);
  assertEquals(log, ["restore 10", "restored", "11", "12"]);
  assertEquals(under.applied.last, { index: 12, term: 1 });
});

Deno.test("entries must follow each other", () => {
  const { queue: under } = queue();
  under.add(null, noops(2, 2));
  assertThrows(() => under.run(Infinity), InvariantError, "2 after 0");
});
