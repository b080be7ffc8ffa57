/**
 * Whether anything grows dearer: as the log grows, with keys, with Clerks, with the size of values, and with the length of
 * one value that is appended to.
 *
 * @module
 */
import type { Clerk } from "../../../mod.ts";
import { fail, LoadedCluster, residentBytes, runCount, value } from "../load.ts";
import { measure, type Operation } from "../measure.ts";
import type { KeyMemory } from "../key_memory.ts";
import type { Findings, Table } from "../report.ts";
import type { Sizes } from "../sizes.ts";

/** Puts in a row, in ten parts. */
export async function logLength({ puts }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const operation = cluster.puts(1000);
  const rows: number[][] = [];
  for (let part = 1; part <= 10; part++) {
    const cpuMs = cluster.cpuMs();
    const tookMs = await runCount(256, puts / 10, operation);
    const { lastApplied } = await cluster.clerk.status(cluster.nodes.addresses[0] ?? "");
    const cpuMicroseconds = (cluster.cpuMs() - cpuMs) / (puts / 10) * 1000;
    rows.push([Math.round(part * puts / 10), lastApplied, Math.round(puts / 10 / tookMs * 1000), cpuMicroseconds]);
  }
  const points = rows.map(([done = 0, , perSecond = 0]) => [done, perSecond] as const);
  return {
    tables: [{
      title: "Length of the log",
      note: "256 in flight, 1,000 keys; an entry has up to 256 puts; CPU of all processes",
      columns: ["puts so far", "entries so far", "puts/s", "CPU us/put"],
      rows,
    }],
    charts: [{ title: "Length of the log", xLabel: "puts so far", yLabel: "puts/s", lines: [{ name: "put", points }] }],
  };
}

/** Stores of more and more keys. */
export async function keyCount({ keys, seconds }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const empty = await followerBytes(cluster);
  const rows: number[][] = [];
  let filled = 0;
  for (const count of [...new Set([Math.ceil(keys / 100), Math.ceil(keys / 10), keys])]) {
    const fill = (done: () => void): void => void cluster.clerk.put(`key${filled++}`, value).then(done, fail);
    await runCount(512, count - filled, fill);
    const put = await measure(256, seconds, cluster.puts(count));
    const get = await measure(256, seconds, cluster.gets(count));
    const perKey = (await followerBytes(cluster) - empty) / count;
    rows.push([count, Math.round(put.perSecond), Math.round(get.perSecond), Math.round(perKey)]);
  }
  const line = (name: string, at: number) => ({
    name,
    points: rows.map((row) => [row[0] ?? 0, row[at] ?? 0] as const),
  });
  return {
    tables: [{
      title: "Keys",
      note: "256 in flight; the memory of a follower beyond that of an empty one includes log, snapshot and garbage",
      columns: ["keys", "puts/s", "gets/s", "bytes/key"],
      rows,
    }, await keyMemory(keys)],
    charts: [{ title: "Keys", xLabel: "keys", yLabel: "ops/s", lines: [line("put", 1), line("get", 2)] }],
  };
}

/** What a key takes that can be reached, measured in a process of its own whose garbage is collected. */
async function keyMemory(keys: number): Promise<Table> {
  const rows: number[][] = [];
  for (const valueBytes of [10, 100]) {
    const script = new URL("../key_memory.ts", import.meta.url).href;
    const args = ["run", "--quiet", "--no-check", "--v8-flags=--expose-gc", script, String(keys), String(valueBytes)];
    const { stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
    const { bytes, overheadBytes }: KeyMemory = JSON.parse(new TextDecoder().decode(stdout));
    rows.push([keys, valueBytes, bytes, overheadBytes]);
  }
  return {
    title: "Memory of a key",
    note: "what can be reached, in a store alone",
    columns: ["keys", "bytes of a value", "bytes of a key in all", "of which neither key nor value"],
    rows,
  };
}

async function followerBytes({ nodes }: LoadedCluster): Promise<number> {
  const leader = await nodes.leader();
  return residentBytes(nodes.pid(nodes.ids.find((id) => id !== leader) ?? leader));
}

/** The same number of calls in flight, made by more and more Clerks. */
export async function clerkCount({ clerks: most, seconds }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const rows: number[][] = [];
  const clerks: Clerk[] = [];
  for (const count of [...new Set([1, Math.ceil(most / 100), Math.ceil(most / 10), most])]) {
    while (clerks.length < count) {
      const more = Array.from({ length: Math.min(50, count - clerks.length) }, () => cluster.nodes.clerk());
      await Promise.all(more.map((clerk) => clerk.put("warm", value)));
      clerks.push(...more);
    }
    let serial = 0;
    const operation: Operation = (done) => {
      const clerk = clerks[serial++ % clerks.length];
      void clerk?.put(`key${serial % 10_000}`, value).then(done, fail);
    };
    const { perSecond, p50Ms, p99Ms } = await measure(most, seconds, operation);
    rows.push([count, Math.round(perSecond), p50Ms, p99Ms]);
  }
  await Promise.all(clerks.map((clerk) => clerk.close()));
  return {
    tables: [{
      title: "Clerks",
      note:
        `${most} puts in flight altogether, all Clerks in one process; a connection costs a system call in each direction`,
      columns: ["Clerks", "puts/s", "p50 ms", "p99 ms"],
      rows,
    }],
    charts: [],
  };
}

/** Values from 100 bytes to 1 MiB. */
export async function valueSizes({ seconds }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const rows: number[][] = [];
  for (const bytes of [100, 1024, 10 * 1024, 100 * 1024, 1024 * 1024]) {
    const inFlight = Math.max(1, Math.min(256, Math.floor(8 * 1024 * 1024 / bytes)));
    const { perSecond, p50Ms, p99Ms } = await measure(inFlight, seconds, cluster.puts(20, "v".repeat(bytes)));
    rows.push([bytes, inFlight, Math.round(perSecond), perSecond * bytes / 1e6, p50Ms, p99Ms]);
  }
  const points = rows.map(([bytes = 0, , , rate = 0]) => [bytes, rate] as const);
  return {
    tables: [{
      title: "Size of values",
      note: "20 keys",
      columns: ["bytes", "in flight", "puts/s", "MB/s", "p50 ms", "p99 ms"],
      rows,
    }],
    charts: [{ title: "Size of values", xLabel: "bytes", yLabel: "MB/s", lines: [{ name: "put", points }] }],
  };
}

/** Appends of ten bytes to one key, in ten parts. */
export async function oneKey({ appends }: Sizes): Promise<Findings> {
  await using cluster = await LoadedCluster.start();
  const rows: number[][] = [];
  const operation: Operation = (done) => void cluster.clerk.append("long", "0123456789").then(done, fail);
  for (let part = 1; part <= 10; part++) {
    const tookMs = await runCount(256, Math.floor(appends / 10), operation);
    rows.push([part * Math.floor(appends / 10), tookMs, Math.round(appends / 10 / tookMs * 1000)]);
  }
  return {
    tables: [{
      title: "Appends to one key",
      note: "256 in flight; the time of each tenth stays the same if appending is linear in all",
      columns: ["appends so far", "ms for this tenth", "appends/s"],
      rows,
    }],
    charts: [],
  };
}

/** Clusters of more members. */
export async function memberCount({ members, seconds }: Sizes): Promise<Findings> {
  const rows: number[][] = [];
  for (const count of members) {
    await using cluster = await LoadedCluster.start(count);
    const { perSecond, p50Ms, p99Ms } = await measure(256, seconds, cluster.puts(10_000));
    rows.push([count, Math.round(perSecond), p50Ms, p99Ms, perSecond / (rows[0]?.[1] ?? perSecond)]);
  }
  const points = rows.map(([count = 0, perSecond = 0]) => [count, perSecond] as const);
  return {
    tables: [{
      title: "Members",
      note: "256 in flight, all members on this machine",
      columns: ["members", "puts/s", "p50 ms", "p99 ms", "of the first"],
      rows,
    }],
    charts: [{ title: "Members", xLabel: "members", yLabel: "puts/s", lines: [{ name: "put", points }] }],
  };
}
