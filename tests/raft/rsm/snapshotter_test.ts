/**
 * When a snapshot is due, and how it is streamed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Snapshotter } from "../../../raft/rsm/snapshotter.ts";
import { ManualClock, settle } from "../node/support/manual_clock.ts";

const snapshot = {
  last: { index: 1, term: 1 },
  configuration: { voters: ["n1"], outgoing: [], learners: [] },
};

/** A snapshotter with a limit of 1,000 bytes whose saves end when the test says so. */
class Bench {
  readonly clock = new ManualClock();
  logBytes = 0;
  freeableBytes = 0;
  snapshotBytes = 0;
  taken = 0;
  released = 0;
  readonly failures: unknown[] = [];
  /** What was streamed; the time at which each chunk came. */
  readonly times: number[] = [];
  chunkMs = 0;
  chunkCount = 0;
  #saving: ((isSaved: boolean) => void) | null = null;
  readonly under = new Snapshotter({
    maxRaftStateBytes: 1_000,
    clock: this.clock,
    logBytes: () => this.logBytes,
    freeableBytes: () => this.freeableBytes,
    snapshotBytes: () => this.snapshotBytes,
    take: () => {
      this.taken += 1;
      return {
        snapshot,
        header: new Uint8Array(1),
        source: { chunks: () => this.#chunks(), release: () => this.released++ },
      };
    },
    save: async (_snapshot, chunks) => {
      for await (const _ of chunks) this.times.push(this.clock.monotonicMs());
      return await new Promise<boolean>((resolve) => this.#saving = resolve);
    },
    onFailed: (error) => this.failures.push(error),
  });

  /** Lets the save end; the log then has `logBytes`, all of them applied. */
  async end(logBytes: number): Promise<void> {
    await settle();
    this.logBytes = logBytes;
    this.freeableBytes = logBytes;
    this.#saving?.(true);
    await settle();
  }

  /** Lets the save end for want of room. */
  async fail(): Promise<void> {
    await settle();
    this.#saving?.(false);
    await settle();
  }

  /** As if entries of so many bytes had been written and applied. */
  grow(bytes: number): void {
    this.logBytes += bytes;
    this.applied(bytes);
  }

  /** As if entries of so many bytes had been applied. */
  applied(bytes: number): void {
    this.freeableBytes += bytes;
    this.under.check();
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    for (let chunk = 0; chunk < this.chunkCount; chunk++) {
      await Promise.resolve();
      this.clock.stall(this.chunkMs);
      yield new Uint8Array(1);
    }
  }
}

Deno.test("a snapshot is due when the log has passed its limit, not before", async () => {
  const bench = new Bench();
  bench.grow(1_000);
  assertEquals(bench.taken, 0);
  bench.grow(1);
  assertEquals(bench.taken, 1);
  await bench.end(0);
  assertEquals(bench.released, 1);
});

Deno.test("no snapshot is taken that would free less than half the limit", () => {
  const bench = new Bench();
  bench.logBytes = 5_000; // written, but not applied yet
  bench.applied(499);
  assertEquals(bench.taken, 0);
  bench.applied(1);
  assertEquals(bench.taken, 1);
});

Deno.test("one at a time; when it ends the next is taken if it is due by then", async () => {
  const bench = new Bench();
  bench.grow(1_001);
  bench.grow(10_000);
  assertEquals(bench.taken, 1);
  await bench.end(10_000);
  assertEquals(bench.taken, 2);
});

Deno.test("a snapshot that took long is followed by a pause of twice its time", async () => {
  const bench = new Bench();
  bench.grow(1_001);
  await settle();
  bench.clock.stall(10_000);
  await bench.end(0);
  bench.grow(2_000);
  bench.clock.stall(19_999);
  bench.under.check();
  assertEquals(bench.taken, 1);
  bench.clock.stall(1);
  bench.under.check();
  assertEquals(bench.taken, 2);
});

Deno.test("no pause once the log has half of what it may have: four times the limit, or as much as the state", async () => {
  for (const [snapshotBytes, urgentBytes] of [[0, 2_048], [9_000, 4_500]] as const) {
    const bench = new Bench();
    bench.grow(1_001);
    await settle();
    bench.clock.stall(10_000);
    bench.snapshotBytes = snapshotBytes;
    await bench.end(0);
    bench.grow(urgentBytes);
    assertEquals(bench.taken, 1);
    bench.grow(1);
    assertEquals(bench.taken, 2);
  }
});

Deno.test("a snapshot without room is tried again after a second, though nothing is applied and the log is large", async () => {
  const bench = new Bench();
  bench.grow(10_000);
  await bench.fail();
  bench.under.check();
  await bench.clock.advance(999);
  assertEquals(bench.taken, 1);
  await bench.clock.advance(1);
  assertEquals(bench.taken, 2);
  await bench.fail();
  bench.under.stop();
  await bench.clock.advance(10_000);
  assertEquals([bench.taken, bench.clock.pendingTimers], [2, 0]);
});

Deno.test("a snapshot is expected to take as long as the last one, and no less than it has taken already", async () => {
  const bench = new Bench();
  assertEquals(bench.under.expectedMs, 100);
  bench.grow(1_001);
  bench.clock.stall(700);
  assertEquals(bench.under.expectedMs, 700);
  await bench.end(3_000);
  assertEquals([bench.taken, bench.under.expectedMs], [2, 700]);
  bench.clock.stall(900);
  assertEquals(bench.under.expectedMs, 900);
});

Deno.test("a long stream lets the event loop through every five milliseconds", async () => {
  const bench = new Bench();
  bench.chunkCount = 20;
  bench.chunkMs = 1;
  let turns = 0;
  const watch = (): void => {
    turns += 1;
    if (bench.times.length < 21) bench.clock.after(0, watch);
  };
  bench.clock.after(0, watch);
  bench.grow(1_001);
  await bench.clock.until("it is streamed", () => bench.times.length === 21);
  assert(turns >= 4, `${turns} turns`);
});

Deno.test("while held none is begun, and holding waits for the one under way", async () => {
  const bench = new Bench();
  bench.grow(1_001);
  let isHeld = false;
  bench.under.hold().then(() => isHeld = true);
  await settle();
  assertEquals(isHeld, false);
  bench.grow(10_000);
  await bench.end(10_000);
  assertEquals([isHeld, bench.taken], [true, 1]);
  bench.under.restored();
  bench.grow(1_001);
  assertEquals(bench.taken, 2);
});

Deno.test("a stopped node does not finish its snapshot", async () => {
  const bench = new Bench();
  bench.chunkCount = 1_000;
  bench.chunkMs = 1;
  bench.grow(1_001);
  await bench.clock.advance(10);
  bench.under.stop();
  await bench.clock.advance(1_000);
  assert(bench.times.length < 100, `${bench.times.length} chunks`);
  assertEquals([bench.failures.length, bench.released], [1, 1]);
});
