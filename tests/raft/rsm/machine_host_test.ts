/**
 * What stands between the log and a machine, where a cluster would hide it.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { MachineHost } from "../../../raft/rsm/machine_host.ts";
import { cborCodec } from "../../../raft/rsm/options.ts";
import { PendingCommands } from "../../../raft/rsm/pending.ts";
import { encodeSnapshotHeader, SnapshotFormatError } from "../../../raft/rsm/snapshot_codec.ts";
import { Journal } from "../node/support/journal.ts";
import { ManualClock } from "../node/support/manual_clock.ts";

function host(journal: Journal): MachineHost<string, number, "all" | "impossible", readonly string[]> {
  const clock = new ManualClock();
  return new MachineHost({
    ...{ machine: journal, codec: cborCodec<string>(), clock, maxRaftStateBytes: -1 },
    pending: new PendingCommands<number>(clock, () => null),
    node: () => {
      throw new Error("not needed here");
    },
    onFailed: () => {},
  });
}

const configuration = { voters: ["n1"], outgoing: [], learners: [] };

function snapshotBytes(applied: { index: number; term: number }): ReadableStream<Uint8Array> {
  const header = encodeSnapshotHeader({
    ...{ clusterTimeMs: 1_800_000_000_000, applied, replicaDigest: null, machineDigest: null },
  });
  return ReadableStream.from([header, new TextEncoder().encode('[["a","b"],""]')]);
}

Deno.test("cluster time goes on from where a snapshot left it", async () => {
  const journal = new Journal();
  const under = host(journal);
  await under.restore({ last: { index: 9, term: 2 }, configuration }, snapshotBytes({ index: 9, term: 2 }));
  assertEquals([journal.lines, under.clusterTimeMs], [["a", "b"], 1_800_000_000_000]);
  const data = cborCodec<string>().encode("c");
  under.apply([{ kind: "command", index: 10, term: 2, clusterTimeMs: 5, data }]);
  assertEquals(journal.contexts, [{ index: 10, term: 2, clusterTimeMs: 1_800_000_000_000 }]);
});

Deno.test("a snapshot under a wrong name is refused before the machine sees it", async () => {
  const journal = new Journal();
  const last = { index: 9, term: 2 };
  for (const wrong of [{ index: 8, term: 2 }, { index: 9, term: 1 }]) {
    await assertRejects(
      () => host(journal).restore({ last, configuration }, snapshotBytes(wrong)),
      SnapshotFormatError,
    );
  }
  assertEquals(journal.restores, 0);
});
