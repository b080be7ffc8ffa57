/**
 * Random schedules over bare cores: messages lost, repeated and reordered, writes delayed, nodes restarted, logs compacted,
 * members changed. After every step the invariants of each node and of the cluster as a whole must hold.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Entry, NodeId } from "../../../raft/core/types.ts";
import { TestCluster } from "./cluster.ts";

/** Small, fast, seedable (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What no cluster may ever contradict, gathered over its whole life. */
class History {
  readonly leaders = new Map<number, NodeId>();
  readonly committed = new Map<number, string>();

  check(cluster: TestCluster): void {
    for (const [id, node] of cluster.nodes) {
      const { role, currentTerm } = node.raft.state;
      if (role === "leader") {
        assertEquals(this.leaders.get(currentTerm) ?? id, id, `two leaders in term ${currentTerm}`);
        this.leaders.set(currentTerm, id);
      }
      for (const entry of node.applied) this.#applied(id, entry);
    }
  }

  #applied(id: NodeId, entry: Entry): void {
    const content = `${entry.term}:${entry.kind === "command" ? entry.data.join() : entry.kind}`;
    const known = this.committed.get(entry.index) ?? content;
    assertEquals(content, known, `${id} applied something else at ${entry.index}`);
    this.committed.set(entry.index, known);
  }
}

/** Lets one of the things happen that can happen to a cluster. */
function act(cluster: TestCluster, random: () => number, ids: readonly NodeId[], counts: Record<string, number>): void {
  const id = ids[Math.floor(random() * ids.length)] ?? "";
  const node = cluster.node(id);
  const note = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
  const dice = random();
  if (dice < 0.5 && cluster.network.length > 0) {
    const position = random() < 0.7 ? 0 : Math.floor(random() * cluster.network.length);
    const message = cluster.network[position];
    if (message === undefined) return;
    if (random() < 0.93) cluster.network.splice(position, 1);
    else note("duplicated");
    if (random() < 0.05) note("lost");
    else cluster.node(message.to).step({ type: "message", message });
  } else if (dice < 0.7) node.step({ type: "tick", nowMs: 0 });
  else if (dice < 0.8) cluster.send(node.finishWrite());
  else if (dice < 0.9) {
    const commands = Array.from({ length: Math.floor(random() * 4) }, () => new Uint8Array([random() * 256]));
    node.step({ type: "propose", proposalId: 1, commands, clusterTimeMs: 0 });
  } else if (dice < 0.92) node.step({ type: "readIndex", context: random() });
  else if (dice < 0.925) {
    note("restarted");
    node.restart();
  } else if (dice < 0.93 && node.writing === null && !node.raft.hasReady()) {
    if (node.raft.status().lastApplied > node.raft.status().snapshot.last.index) {
      note("compacted");
      node.compact();
    }
  } else if (dice < 0.935) node.step({ type: "transferLeader", to: ids[Math.floor(random() * ids.length)] ?? "" });
  else if (dice < 0.94) {
    const voters = ids.filter(() => random() < 0.6);
    if (voters.length > 0 && node.raft.status().role === "leader") note("configuration changes asked for");
    if (voters.length > 0) {
      node.step({ type: "changeConfiguration", proposalId: 2, voters, learners: ids, clusterTimeMs: 0 });
    }
  } else if (dice < 0.945) cluster.setConnected(id, random() < 0.6);
  cluster.drain(id, random() < 0.5);
}

Deno.test("random schedules keep every safety property, and heal", () => {
  const counts: Record<string, number> = {};
  let committed = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = randomOf(seed);
    const ids = ["a", "b", "c", "d", "e"].slice(0, 1 + Math.floor(random() * 5));
    const cluster = new TestCluster(ids, {
      config: {
        random,
        maxAppendEntries: 1 + Math.floor(random() * 5),
        maxInflightAppends: 1 + Math.floor(random() * 4),
        maxRetainedBytes: random() < 0.5 ? 0 : Math.floor(random() * 2000),
      },
    });
    const history = new History();
    try {
      for (let step = 0; step < 3000; step++) {
        act(cluster, random, ids, counts);
        if (step % 10 === 0) history.check(cluster);
      }
      for (const id of ids) cluster.setConnected(id, true);
      for (const id of ids) cluster.drain(id);
      cluster.settle();
      cluster.tick(100);
      history.check(cluster);
      const leaders = ids.filter((id) => cluster.node(id).raft.status().role === "leader");
      assertEquals(leaders.length, 1, "one leader after healing");
      const leader = cluster.node(leaders[0] ?? "").raft.status();
      assertEquals(leader.commitIndex, leader.last.index, "everything is committed after healing");
      for (const { id } of leader.progress) {
        assertEquals(cluster.node(id).raft.status().commitIndex, leader.commitIndex, `${id} has caught up`);
      }
      committed += history.committed.size;
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  assert(committed > 10_000, `only ${committed} entries were committed`);
  for (const what of ["lost", "duplicated", "restarted", "compacted", "configuration changes asked for"]) {
    assert((counts[what] ?? 0) > 100, `${what}: only ${counts[what]} times`);
  }
});
