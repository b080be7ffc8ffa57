/**
 * `deno task kill-campaign`: faults on real processes and real files, with counts.
 *
 *     deno task kill-campaign [--kills N] [--power-losses N] [--io-operations N] [--seed S]
 *
 * Without any of the three it does 200 kills, 20 power losses of the whole cluster, and makes each of the first 500 file
 * operations of a workload fail, with EIO and with ENOSPC. Ends with code 1 when something does not hold.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { type CrashCampaign, runCrashCampaign } from "./crash_campaign.ts";
import { runIoCampaign } from "./io_campaign.ts";

/** A count from the command line; NaN for what is none. */
function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  return /^\d+$/.test(text) ? Number(text) : NaN;
}

function report(title: string, startedMs: number, figures: readonly string[], problems: readonly string[]): void {
  console.log(`${title} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${figures.join(", ")}`);
  console.log(problems.length === 0 ? "  nothing lost, histories linearizable" : `  ${problems.length} PROBLEMS`);
  for (const problem of problems.slice(0, 10)) console.log(`  ${problem}`);
}

async function crash(campaign: CrashCampaign): Promise<boolean> {
  const startedMs = performance.now();
  const outcome = await runCrashCampaign(campaign);
  const { kills, leaderKills, powerLosses, acknowledged, unknown, reads, problems } = outcome;
  const title = kills > 0 ? `${kills} kills (${leaderKills} of leaders)` : `${powerLosses} power losses of all nodes`;
  const figures = [`${acknowledged} writes acknowledged`, `${unknown} of unknown outcome`, `${reads} reads`];
  report(title, startedMs, figures, problems);
  return problems.length === 0;
}

async function failOperations(operations: number): Promise<boolean> {
  const startedMs = performance.now();
  const outcome = await runIoCampaign({ from: 1, to: operations, step: 1 });
  const { injected, notStarted, stopped, survived, acknowledged, problems } = outcome;
  report(`EIO and ENOSPC at each of the first ${operations} file operations (${injected} runs)`, startedMs, [
    ...[`${stopped} stopped`, `${survived} went on`, `${notStarted} did not start`],
    `${acknowledged} writes acknowledged and found again`,
  ], problems);
  return problems.length === 0;
}

if (import.meta.main) {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { "kills": text, "power-losses": text, "io-operations": text, "seed": text },
  });
  const isAll = [values.kills, values["power-losses"], values["io-operations"]].every((one) => one === undefined);
  const kills = count(values.kills, isAll ? 200 : 0);
  const powerLosses = count(values["power-losses"], isAll ? 20 : 0);
  const operations = count(values["io-operations"], isAll ? 500 : 0);
  const seed = count(values.seed, 1);
  if ([kills, powerLosses, operations, seed].some(Number.isNaN)) {
    console.error("Cannot run: --kills, --power-losses, --io-operations and --seed are whole numbers");
    Deno.exit(2);
  }
  const outcomes: boolean[] = [];
  if (kills > 0) outcomes.push(await crash({ kills, powerLosses: 0, seed }));
  if (powerLosses > 0) outcomes.push(await crash({ kills: 0, powerLosses, seed }));
  if (operations > 0) outcomes.push(await failOperations(operations));
  Deno.exit(outcomes.every(Boolean) ? 0 : 1);
}
