/**
 * Throughput and latency against the number of calls in flight, beside the bare append.
 *
 * @module
 */
import { BareAppend } from "../bare_client.ts";
import { LoadedCluster } from "../load.ts";
import { measure, type Measurement, type Operation } from "../measure.ts";
import type { Findings } from "../report.ts";
import type { Sizes } from "../sizes.ts";

const concurrencies = [1, 16, 64, 256, 1000];
const keys = 10_000;

interface Series {
  readonly name: string;
  readonly measurements: readonly Measurement[];
}

async function series(name: string, seconds: number, operation: Operation): Promise<Series> {
  const measurements: Measurement[] = [];
  for (const concurrency of concurrencies) measurements.push(await measure(concurrency, seconds, operation));
  return { name, measurements };
}

/** See the module. */
export async function concurrency({ seconds }: Sizes): Promise<Findings> {
  const all: Series[] = [];
  {
    await using bare = await BareAppend.start();
    all.push(await series("bare replicated append", seconds, bare.append));
  }
  {
    await using cluster = await LoadedCluster.start();
    all.push(await series("durable put", seconds, cluster.puts(keys)));
    all.push(await series("linearizable get", seconds, cluster.gets(keys)));
  }
  const [bare] = all;
  const rows = all.flatMap(({ name, measurements }) =>
    measurements.map(({ concurrency, perSecond, p50Ms, p99Ms, maxMs }, at) => {
      const ratio = perSecond / (bare?.measurements[at]?.perSecond ?? NaN);
      return [name, concurrency, Math.round(perSecond), p50Ms, p99Ms, maxMs, p99Ms / p50Ms, ratio];
    })
  );
  const lines = (figure: (measurement: Measurement) => number) =>
    all.map(({ name, measurements }) => ({
      name,
      points: measurements.map((one) => [one.concurrency, figure(one)] as const),
    }));
  return {
    tables: [{
      title: "Calls in flight",
      note: "three nodes, 100-byte values; the bare append replicates frames of 128 bytes",
      columns: ["workload", "in flight", "ops/s", "p50 ms", "p99 ms", "max ms", "p99/p50", "of bare append"],
      rows,
    }],
    charts: [
      { title: "Throughput", xLabel: "calls in flight", yLabel: "ops/s", lines: lines((one) => one.perSecond) },
      { title: "Latency, median", xLabel: "calls in flight", yLabel: "ms", lines: lines((one) => one.p50Ms) },
      { title: "Latency, 99 of 100", xLabel: "calls in flight", yLabel: "ms", lines: lines((one) => one.p99Ms) },
    ],
  };
}
