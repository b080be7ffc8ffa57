/**
 * What a node costs, how soon it is back, and how long it is ever busy with one thing.
 *
 * @module
 */
import { KvServer } from "../../../kv/mod.ts";
import type { NodeSettings } from "../../../shell/node_settings.ts";
import { until } from "../../e2e/until.ts";
import { fail, LoadedCluster, residentBytes, runCount, value } from "../load.ts";
import { measure, type Operation } from "../measure.ts";
import type { ProbeFigures } from "../probe.ts";
import type { Findings } from "../report.ts";
import type { Sizes } from "../sizes.ts";

async function aFollower({ nodes }: LoadedCluster): Promise<string> {
  const leader = await nodes.leader();
  return nodes.ids.find((id) => id !== leader) ?? leader;
}

/** Resolves when node `id` has applied as much as `index`; to the milliseconds since `sinceMs`. */
async function untilApplied({ nodes, clerk }: LoadedCluster, id: string, index: number, sinceMs: number) {
  await until(`node ${id} at index ${index}`, async () => {
    const status = await clerk.status(nodes.peers[id] ?? "", { timeoutMs: 500 }).catch(() => null);
    return status !== null && status.lastApplied >= index;
  });
  return performance.now() - sinceMs;
}

async function appliedAt({ nodes, clerk }: LoadedCluster, id: string): Promise<number> {
  return (await clerk.status(nodes.peers[id] ?? "")).lastApplied;
}

/** Commands under way while a log is filled, to so many keys in turn. */
const fillWindow = 2000;
const fillKeys = 1000;

/** Fills the log of a node that does not run, one put an entry. */
async function fillLog({ id, listen, peers, dataDir, clusterId }: NodeSettings, entries: number): Promise<void> {
  await using server = await KvServer.start({ id, listen, peers, dataDir, clusterId });
  await until("a leader", () => server.status().role === "leader");
  let serial = 0;
  const operation: Operation = (done) => {
    const place = serial++;
    const version = Math.floor(place / fillKeys);
    const operation = { kind: "putIfVersion", key: `key${place % fillKeys}`, value, version } as const;
    void server.replica.submit({ kind: "sessionlessWrite", operation }).then(done, fail);
  };
  await runCount(fillWindow, entries, operation);
}

/** Memory of a node without keys, and a start behind a long log. */
export async function start({ entries }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start(1);
  const { nodes } = cluster;
  const id = await nodes.leader();
  const emptyBytes = residentBytes(nodes.pid(id));
  await nodes.signal(id, "SIGTERM");
  await fillLog(nodes.settings(id), entries);
  const sinceMs = performance.now();
  nodes.startNode(id);
  const tookMs = await untilApplied(cluster, id, entries, sinceMs);
  const { snapshotIndex, lastApplied, logBytes } = await cluster.clerk.status(nodes.peers[id] ?? "");
  return {
    tables: [{
      title: "Memory and start of a node",
      note: "from the start of the process until it has applied all it had applied before",
      columns: ["figure", "value"],
      rows: [
        ["resident, without keys, MB", emptyBytes / 1e6],
        ["entries of the log in all", lastApplied],
        ["of which behind the snapshot", lastApplied - snapshotIndex],
        ["bytes of log behind the snapshot", logBytes],
        ["start, ms", tookMs],
      ],
    }],
    charts: [],
  };
}

/** A follower that was away comes back. */
export async function catchUp({ missedMebibytes }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const { nodes } = cluster;
  const id = await aFollower(cluster);
  await nodes.signal(id, "SIGKILL");
  const startMs = await (async () => {
    const sinceMs = performance.now();
    nodes.startNode(id);
    return await untilApplied(cluster, id, 1, sinceMs);
  })();
  await nodes.signal(id, "SIGKILL");
  const bytes = 16 * 1024;
  const count = Math.ceil(missedMebibytes * 1024 * 1024 / bytes);
  let serial = 0;
  const text = "v".repeat(bytes);
  await runCount(64, count, (done) => void cluster.clerk.put(`key${serial++}`, text).then(done, fail));
  const index = await appliedAt(cluster, await nodes.leader());
  const sinceMs = performance.now();
  nodes.startNode(id);
  const tookMs = await untilApplied(cluster, id, index, sinceMs) - startMs;
  return {
    tables: [{
      title: "A follower that was away",
      note: "keys of 16 KiB written meanwhile; the time of a start with nothing to catch up with is taken off",
      columns: ["MB missed", "start ms", "catching up ms", "MB/s"],
      rows: [[count * bytes / 1e6, startMs, tookMs, count * bytes / 1e3 / Math.max(1, tookMs)]],
    }],
    charts: [],
  };
}

/** How long a node lets others wait while it has much to do: stale reads, answered by the event loop itself. */
export async function pauses({ seconds }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const { nodes } = cluster;
  const leader = await nodes.leader();
  const rows: (string | number)[][] = [];
  await measure(256, seconds, cluster.puts(50_000));
  for (const id of [leader, await aFollower(cluster)]) {
    const [idle, busy] = [await probe(nodes.peers[id] ?? "", seconds), probe(nodes.peers[id] ?? "", 2 * seconds)];
    await measure(256, 2 * seconds, cluster.puts(50_000, value));
    const name = id === leader ? "leader" : "follower";
    for (const [state, figures] of [["idle", idle], ["256 puts in flight", await busy]] as const) {
      rows.push([`${name}, ${state}`, figures.count, figures.p50Ms, figures.p99Ms, figures.maxMs]);
    }
  }
  return {
    tables: [{
      title: "Pauses of the event loop",
      note: "answers to stale reads, asked for every 2 ms from another thread; snapshots are taken meanwhile",
      columns: ["node", "probes", "p50 ms", "p99 ms", "max ms"],
      rows,
    }],
    charts: [],
  };
}

/** Probes a server from a thread of its own, whose pauses are not those of the load. */
async function probe(address: string, seconds: number): Promise<ProbeFigures> {
  const worker = new Worker(new URL("../probe.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<ProbeFigures>();
  worker.addEventListener("message", ({ data }) => resolve(data));
  worker.addEventListener("error", ({ message }) => reject(new Error(message)));
  worker.postMessage({ address, seconds });
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}
