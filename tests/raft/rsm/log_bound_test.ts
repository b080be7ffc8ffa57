/**
 * The bound of the log, and the pace at which it may be approached.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { entryOverheadBytes } from "../../../raft/core/log.ts";
import { NotDoneError } from "../../../raft/rsm/errors.ts";
import { logBoundBytes, LogPace, urgentLogBytes } from "../../../raft/rsm/log_bound.ts";
import type { SnapshotSource } from "../../../raft/rsm/state_machine.ts";
import { Cluster, type Member } from "../node/support/cluster.ts";
import { Journal } from "../node/support/journal.ts";
import { ManualClock } from "../node/support/manual_clock.ts";

const maxRaftStateBytes = 25_000;
const boundBytes = 100_000;
const urgentBytes = 50_000;

/** A pace over a log that the test sets. */
class Bench {
  readonly clock = new ManualClock();
  logBytes = 0;
  snapshotMs = 1_000;
  isRunning = true;
  readonly under = new LogPace({
    ...{ maxRaftStateBytes, clock: this.clock, snapshotBytes: () => 0 },
    logBytes: () => this.logBytes,
    isSnapshotRunning: () => this.isRunning,
    snapshotMs: () => this.snapshotMs,
  });

  /** For so long, every 5 ms, commands of `commandBytes` as many as may go, of `offered` at the most. Returns how many went. */
  run(forMs: number, commandBytes: number, offered: number = Infinity): number {
    let count = 0;
    for (let ms = 0; ms < forMs; ms += 5) {
      this.clock.stall(5);
      const roomBytes = this.under.bytes(0);
      let takenBytes = 0;
      for (let at = 0; at < offered && takenBytes < roomBytes; at++, count++) takenBytes += commandBytes;
      this.under.fill(takenBytes);
      this.logBytes += takenBytes;
    }
    return count;
  }
}

Deno.test("the log may be four times its limit, or as large as the state, and never less than a page", () => {
  assertEquals(logBoundBytes(1_000_000, 0), 4_000_000);
  assertEquals(logBoundBytes(1_000_000, 10_000_000), 10_000_000);
  assertEquals(logBoundBytes(1, 0), 4_096);
  assertEquals(urgentLogBytes(1_000_000, 10_000_000), 5_000_000);
});

Deno.test("up to half of the bound commands go as they come", () => {
  const bench = new Bench();
  assertEquals(bench.under.bytes(0), urgentBytes);
  bench.logBytes = 49_000;
  assertEquals(bench.under.bytes(400), 600);
});

Deno.test("a snapshot that never ends: the log comes close to its bound, and never passes it by more than a command", () => {
  for (const commandBytes of [1, 70, 3_000, 200_000]) {
    const bench = new Bench();
    for (let round = 0; round < 2_000; round++) {
      bench.run(5, commandBytes);
      assert(bench.logBytes <= boundBytes + commandBytes, `${bench.logBytes} with commands of ${commandBytes}`);
    }
    assert(bench.logBytes > 0.99 * boundBytes, `${bench.logBytes} with commands of ${commandBytes}`);
  }
});

Deno.test("after a time without commands no more than an eighth of the room goes at once", () => {
  const bench = new Bench();
  bench.logBytes = 60_000;
  bench.clock.stall(10_000);
  assertEquals(bench.under.bytes(0), 40_000 / 8);
  bench.clock.stall(10_000);
  assertEquals(bench.under.bytes(0), 40_000 / 8);
});

Deno.test("what has been given to no write yet counts", () => {
  const bench = new Bench();
  bench.logBytes = 60_000;
  bench.under.bytes(0);
  bench.clock.stall(1_000_000);
  assertEquals(bench.under.bytes(30_000), 10_000 / 8);
});

Deno.test("commands become slower little by little, and some room is left when the snapshot takes as long as expected", () => {
  const bench = new Bench();
  bench.run(5, 50);
  assertEquals(bench.logBytes, urgentBytes);
  const counts = Array.from({ length: 10 }, () => bench.run(100, 50));
  for (const [slot, count] of counts.entries()) {
    const before = counts[slot - 1];
    if (before !== undefined) assert(count <= before + 1 && count >= 0.85 * before, `${counts}`);
  }
  const unused = (boundBytes - bench.logBytes) / (boundBytes - urgentBytes);
  assert(unused > 0.3 && unused < 0.4, `${unused}`);
});

Deno.test("a snapshot that takes ten times as long as expected slows commands down, and does not stop them", () => {
  const bench = new Bench();
  bench.logBytes = urgentBytes;
  bench.under.bytes(0);
  for (let tenths = 1; tenths <= 100; tenths++) {
    bench.snapshotMs = Math.max(1_000, tenths * 100);
    const count = bench.run(100, 1);
    assert(count >= 10, `${count} bytes in the ${tenths}th tenth of a second`);
  }
});

Deno.test("a command larger than what is left is made up for by those behind it", () => {
  const bench = new Bench();
  bench.logBytes = urgentBytes;
  assertEquals(bench.run(5, 10_000), 1);
  // The debt of a little less than 10,000 bytes goes down by 40,000 a second.
  assertEquals(bench.run(240, 10_000), 0);
  assertEquals(bench.run(10, 10_000), 1);
});

Deno.test("a follower is full at twice the bound, and only while a snapshot is on its way to make room", () => {
  const bench = new Bench();
  bench.logBytes = 2 * boundBytes;
  assertEquals(bench.under.isExceeded, false);
  bench.logBytes++;
  assertEquals(bench.under.isExceeded, true);
  bench.isRunning = false;
  assertEquals(bench.under.isExceeded, false);
});

/** A journal whose snapshots can be held up. */
class HeldJournal extends Journal {
  #held: PromiseWithResolvers<void> | null = null;

  /** From now on snapshots do not come to their end. */
  hold(): void {
    this.#held = Promise.withResolvers();
  }

  /** Those that were held go on. */
  go(): void {
    this.#held?.resolve();
    this.#held = null;
  }

  override snapshot(): SnapshotSource {
    const source = super.snapshot();
    const held = this.#held?.promise;
    return {
      async *chunks() {
        await held;
        yield* source.chunks();
      },
      release: () => source.release(),
    };
  }
}

const line = "x".repeat(100);
/** What a line takes in the log at the most. */
const lineBytes = line.length + entryOverheadBytes;
/** With a limit of 1,000 bytes, and snapshots of less than 4 KiB. */
const smallBoundBytes = 4_096;

function logBytesOf({ replica }: Member): number {
  return replica.status().storage.logBytes;
}

/** A cluster with a leader, whose snapshots can be held up. */
class HeldCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly leader: Member;
  readonly #journals: readonly HeldJournal[];

  private constructor(cluster: Cluster, leader: Member, journals: readonly HeldJournal[]) {
    this.cluster = cluster;
    this.leader = leader;
    this.#journals = journals;
  }

  static async start(count: number): Promise<HeldCluster> {
    const journals: HeldJournal[] = [];
    const cluster = await Cluster.start(count, { maxRaftState: 1_000 }, () => {
      const journal = new HeldJournal();
      journals.push(journal);
      return journal;
    });
    return new HeldCluster(cluster, await cluster.elect(), journals);
  }

  journalOf(member: Member): HeldJournal {
    const journal = this.#journals.find((one) => one === member.journal);
    assert(journal !== undefined);
    return journal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const journal of this.#journals) journal.go();
    // A snapshot that is being streamed lets others have their turn, and time has to move for that.
    await this.cluster.clock.advance(1_000);
    await this.cluster[Symbol.asyncDispose]();
  }
}

/** The most bytes that a member's log has in so many milliseconds. */
async function watchLog(cluster: Cluster, member: Member, forMs: number): Promise<number> {
  let mostBytes = 0;
  for (let ms = 0; ms < forMs; ms++) {
    await cluster.clock.advance(1);
    mostBytes = Math.max(mostBytes, logBytesOf(member));
  }
  return mostBytes;
}

Deno.test("a leader whose snapshot does not end keeps the bound, leads on, reads, and refuses what waits too long", async () => {
  await using held = await HeldCluster.start(3);
  const { cluster, leader } = held;
  held.journalOf(leader).hold();
  let refused = 0;
  let done = 0;
  const submit = (): void => {
    leader.replica.submit(line).then(() => done++, (error) => {
      assert(error instanceof NotDoneError && error.reason === "overloaded", String(error));
      refused++;
    });
  };
  for (let count = 0; count < 200; count++) submit();
  const mostBytes = await watchLog(cluster, leader, 2_000);
  assert(mostBytes <= smallBoundBytes + lineBytes && mostBytes > 0.9 * smallBoundBytes, `${mostBytes}`);
  assertEquals(done + refused, 200);
  assert(done >= 20 && refused >= 100, `${done} done, ${refused} refused`);
  assertEquals((await cluster.outcome(leader.replica.read("all"), 100)).length, done);
  assertEquals(leader.replica.status().role, "leader");
  held.journalOf(leader).go();
  assertEquals(await cluster.outcome(leader.replica.submit("last"), 100), done + 1);
});

Deno.test("a follower whose snapshot does not end keeps twice the bound, nobody waits for it, and it catches up", async () => {
  await using held = await HeldCluster.start(3);
  const { cluster, leader } = held;
  const [slow] = cluster.others(leader);
  assert(slow !== undefined);
  held.journalOf(slow).hold();
  let mostBytes = 0;
  for (let round = 0; round < 30; round++) {
    await cluster.outcome(Promise.all(Array.from({ length: 5 }, () => leader.replica.submit(line))), 1_000);
    mostBytes = Math.max(mostBytes, logBytesOf(slow));
  }
  mostBytes = Math.max(mostBytes, await watchLog(cluster, slow, 300));
  assert(mostBytes <= 2 * smallBoundBytes + 5 * lineBytes && mostBytes > 2 * smallBoundBytes, `${mostBytes}`);
  assert(slow.journal.lines.length < 150, "it was never full");
  held.journalOf(slow).go();
  await cluster.clock.until("it has caught up", () => slow.journal.lines.length === 150);
  assert(logBytesOf(slow) <= 2 * smallBoundBytes);
});
