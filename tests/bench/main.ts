/**
 * `deno task bench`: what three processes on this machine do, beside a bare replicated append measured in the same run.
 *
 *     deno task bench [--quick] [--seconds N] [--json FILE]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { NodeProcesses } from "../e2e/node_processes.ts";
import { BareAppend } from "./bare_client.ts";
import { measure, type Measurement } from "./measure.ts";

/** Figures of one workload at each concurrency. */
export interface Series {
  /** What was called. */
  readonly name: string;
  /** One measurement for each concurrency. */
  readonly measurements: readonly Measurement[];
}

const concurrencies = [1, 16, 64, 256, 1000];

async function runBare(seconds: number): Promise<Series> {
  await using bare = await BareAppend.start();
  const measurements: Measurement[] = [];
  for (const concurrency of concurrencies) measurements.push(await measure(concurrency, seconds, bare.append));
  return { name: "bare replicated append", measurements };
}

async function runBalsa(seconds: number): Promise<Series[]> {
  await using nodes = await NodeProcesses.start();
  await using clerk = nodes.clerk();
  const value = "v".repeat(100);
  let serial = 0;
  const fail = (error: unknown): never => {
    throw error;
  };
  const key = (): string => `key${serial++ % 10_000}`;
  await clerk.put("warm", value);
  const operations = {
    "durable put": (done: () => void) => void clerk.put(key(), value).then(done, fail),
    "linearizable get": (done: () => void) => void clerk.get(key()).then(done, fail),
  };
  const series: Series[] = [];
  for (const [name, operation] of Object.entries(operations)) {
    const measurements: Measurement[] = [];
    for (const concurrency of concurrencies) measurements.push(await measure(concurrency, seconds, operation));
    series.push({ name, measurements });
  }
  return series;
}

function print(series: readonly Series[]): void {
  const [bare] = series;
  console.log("workload                  in flight   ops/s       p50 ms    p99 ms    max ms   of bare append");
  for (const { name, measurements } of series) {
    for (const [position, figures] of measurements.entries()) {
      const ratio = figures.perSecond / (bare?.measurements[position]?.perSecond ?? NaN);
      console.log(
        name.padEnd(26) + String(figures.concurrency).padStart(9) +
          Math.round(figures.perSecond).toString().padStart(9) +
          figures.p50Ms.toFixed(2).padStart(11) + figures.p99Ms.toFixed(2).padStart(10) +
          figures.maxMs.toFixed(1).padStart(10) + ratio.toFixed(2).padStart(12),
      );
    }
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, seconds: { type: "string" }, json: { type: "string" } },
  });
  const seconds = Number(values.seconds ?? (values.quick ? 1 : 4));
  if (!(seconds > 0)) {
    console.error(`Cannot run for --seconds ${values.seconds}: give a number above 0`);
    Deno.exit(2);
  }
  const series = [await runBare(seconds), ...await runBalsa(seconds)];
  print(series);
  if (values.json !== undefined) await Deno.writeTextFile(values.json, JSON.stringify(series, null, 2));
}
