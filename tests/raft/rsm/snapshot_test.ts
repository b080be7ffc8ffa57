/**
 * Snapshots: when they are taken, how a member that is far behind gets one, and what their bytes are.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NotDoneError, UnknownOutcomeError } from "../../../raft/rsm/errors.ts";
import { encodeSnapshotHeader, openSnapshot, SnapshotFormatError } from "../../../raft/rsm/snapshot_codec.ts";
import { Cluster, type Member } from "../node/support/cluster.ts";

function logBytes({ replica }: Member): number {
  return replica.status().storage.logBytes;
}

async function submitMany(cluster: Cluster, leader: Member, count: number): Promise<void> {
  for (let at = 0; at < count; at += 10) {
    const batch = Array.from({ length: 10 }, (_, offset) => leader.replica.submit(`line ${at + offset}`));
    await cluster.outcome(Promise.all(batch));
    for (const member of cluster.members.values()) {
      assert(logBytes(member) <= 8_000, `log of ${member.id} has ${logBytes(member)} bytes`);
    }
  }
}

Deno.test("with a limit of 1,000 bytes no log ever passes eight times that", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 1_000 });
  const leader = await cluster.elect();
  await submitMany(cluster, leader, 1_000);
  for (const { journal } of cluster.members.values()) {
    assert(journal.snapshots >= 10, `${journal.snapshots} snapshots`);
    await cluster.clock.until("all views are released", () => journal.released === journal.snapshots);
  }
});

Deno.test("a snapshot frees at least half the limit, so a large state does not cause one after the other", async () => {
  await using cluster = await Cluster.start(1, { maxRaftState: 1_000 });
  const member = cluster.member("n1");
  member.journal.ballastBytes = 100_000;
  await submitMany(cluster, member, 1_000);
  // 1,000 entries of some 35 bytes: at most one snapshot per 500 bytes.
  assert(member.journal.snapshots <= 80, `${member.journal.snapshots} snapshots`);
});

Deno.test("with a limit of -1 there is never a snapshot", async () => {
  await using cluster = await Cluster.start(1, { maxRaftState: -1 });
  const member = cluster.member("n1");
  await cluster.outcome(Promise.all(Array.from({ length: 1_000 }, (_, at) => member.replica.submit(`${at}`))));
  assertEquals(member.journal.snapshots, 0);
});

Deno.test("a member that was away longer than the log reaches back is brought up by a snapshot", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 1_000 });
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  cluster.network.isolate(away.id);
  await submitMany(cluster, leader, 300);
  cluster.network.heal();
  await cluster.outcome(leader.replica.submit("last"));
  await cluster.clock.until("it has caught up", () => away.journal.lines.length === 301);
  assertEquals(away.journal.lines, leader.journal.lines);
  assert(away.journal.restores >= 1);
  assertEquals(away.replica.clusterTimeMs, leader.replica.clusterTimeMs);
  assertEquals((await cluster.outcome(away.replica.read("all"))).length, 301);
});

Deno.test("a deposed leader's caller whose slot is within an installed snapshot gets unknown", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 1_000 });
  const old = await cluster.elect();
  cluster.network.isolate(old.id);
  const lost = old.replica.submit("lost", { timeoutMs: 100_000 }).catch((error) => error);
  const next = await cluster.elect(cluster.others(old).map(({ id }) => id));
  await submitMany(cluster, next, 300);
  cluster.network.heal();
  const error = await cluster.outcome(lost, 2_000);
  assert(error instanceof UnknownOutcomeError && error.reason === "compacted", `${error}`);
});

Deno.test("while a snapshot is being restored reads wait, and nothing is read half-way", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 1_000 });
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  cluster.network.isolate(away.id);
  await submitMany(cluster, leader, 300);
  const restore = away.journal.restore.bind(away.journal);
  let finish = (): void => {};
  away.journal.restore = async (chunks) => {
    away.journal.lines = ["half-way"];
    await new Promise<void>((resolve) => finish = resolve);
    await restore(chunks);
  };
  cluster.network.heal();
  await cluster.clock.until("it begins to restore", () => away.journal.lines[0] === "half-way");
  const reads = Promise.all([away.replica.read("all", { consistency: "stale" }), away.replica.read("all")]);
  await cluster.clock.advance(500);
  finish();
  const [stale, fresh] = await cluster.outcome(reads);
  assert(stale.length >= 200 && stale[0] === "line 0", `${stale.length}`);
  assertEquals(fresh.length, 300);
});

Deno.test("a read that waits for a restore is refused when the node stops", async () => {
  await using cluster = await Cluster.start(3, { maxRaftState: 1_000 });
  const leader = await cluster.elect();
  const [away] = cluster.others(leader);
  assert(away !== undefined);
  cluster.network.isolate(away.id);
  await submitMany(cluster, leader, 300);
  let finish = (): void => {};
  away.journal.restore = () => new Promise((resolve) => finish = resolve);
  cluster.network.heal();
  await cluster.clock.until("it restores", () => away.replica.status().snapshot.last.index > 0);
  const read = away.replica.read("all", { consistency: "stale" }).catch((error) => error);
  const stop = away.replica.node.stop();
  const error = await cluster.outcome(read);
  assert(error instanceof NotDoneError && error.reason === "stopped", `${error}`);
  finish();
  await stop;
});

Deno.test("a machine whose snapshot fails stops the node, and the view is released", async () => {
  await using cluster = await Cluster.start(1, { maxRaftState: 1_000 });
  const { journal, replica, stopped } = cluster.member("n1");
  journal.snapshot = () => ({
    async *chunks() {
      await Promise.resolve();
      yield new Uint8Array(1);
      throw new Error("cannot describe myself");
    },
    release: () => {
      journal.released += 1;
    },
  });
  const submits = Array.from({ length: 100 }, (_, at) => replica.submit(`${at}`).catch(() => -1));
  await cluster.outcome(Promise.all(submits));
  await cluster.clock.until("it stops", () => stopped.length === 1);
  assertEquals([stopped[0]?.message, journal.released], ["cannot describe myself", 1]);
});

Deno.test("a snapshot's header is found however the stream is cut", async () => {
  const position = { clusterTimeMs: 1_700_000_000_123, applied: { index: 2 ** 40, term: 7 } };
  const header = { ...position, replicaDigest: 0xfedcba98, machineDigest: null };
  const whole = new Uint8Array([...encodeSnapshotHeader(header), 1, 2, 3]);
  for (let size = 1; size <= whole.length; size++) {
    const chunks = ReadableStream.from(
      Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => whole.slice(at * size, (at + 1) * size)),
    );
    const opened = await openSnapshot(chunks);
    assertEquals(opened.header, header);
    const rest: number[] = [];
    for await (const chunk of opened.chunks) rest.push(...chunk);
    assertEquals(rest, [1, 2, 3]);
  }
});

Deno.test("a snapshot that is cut short or of another format is refused", async () => {
  const bytes = encodeSnapshotHeader({
    ...{ clusterTimeMs: 1, applied: { index: 1, term: 1 }, replicaDigest: 1, machineDigest: 2 },
  });
  for (const size of [24, 33]) {
    const cut = ReadableStream.from([bytes.slice(0, size)]);
    await assertRejects(() => openSnapshot(cut), SnapshotFormatError, `${size} bytes`);
  }
  bytes[0] = 9;
  await assertRejects(() => openSnapshot(ReadableStream.from([bytes])), SnapshotFormatError, "version 9");
});

Deno.test("a snapshot of the format without digests is read", async () => {
  const position = { clusterTimeMs: 5, applied: { index: 3, term: 1 } };
  const bytes = encodeSnapshotHeader({ ...position, replicaDigest: 1, machineDigest: 2 }).slice(0, 25);
  bytes[0] = 1;
  const opened = await openSnapshot(ReadableStream.from([bytes, Uint8Array.of(7)]));
  assertEquals(opened.header, { ...position, replicaDigest: null, machineDigest: null });
  const rest: number[] = [];
  for await (const chunk of opened.chunks) rest.push(...chunk);
  assertEquals(rest, [7]);
});
