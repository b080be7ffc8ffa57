/**
 * Real processes killed under load, one at a time or all at once, as often as asked for: every acknowledged write must be
 * there in the end, each once, and the history linearizable.
 *
 * @module
 */
import { SeededRandom } from "../../raft/testing/mod.ts";
import type { NodeSettings } from "../../shell/node_settings.ts";
import { toArguments } from "../../shell/node_settings.ts";
import { NodeProcesses } from "../e2e/node_processes.ts";
import { until } from "../e2e/until.ts";
import { Load, type LoadReport } from "./load.ts";

/** What a campaign is to do. */
export interface CrashCampaign {
  /** How many times one process is killed by SIGKILL. */
  readonly kills: number;
  /** How many times all lose power: what was not synced is gone. */
  readonly powerLosses: number;
  /** Draws moments and victims. */
  readonly seed: number;
  /** Told how far it is. */
  readonly onProgress?: (done: number, acknowledged: number) => void;
}

/** How it went. */
export interface CrashReport extends LoadReport {
  /** Processes killed one by one. */
  readonly kills: number;
  /** Of those, leaders. */
  readonly leaderKills: number;
  /** Power losses of the whole cluster. */
  readonly powerLosses: number;
}

/** Longest pause between two kills, in milliseconds. */
const maxPauseMs = 400;

/** Writes that must have been acknowledged since the last kill before every other one: what kills nothing under way proves nothing. */
const writesBefore = 30;

/** Longest time for which a killed node stays away, in milliseconds. */
const maxAwayMs = 300;

/** See `campaign_node.ts`. */
function commandLine(kind: "real" | "unsynced", settings: NodeSettings): string[] {
  const script = new URL("./campaign_node.ts", import.meta.url).href;
  return ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "-A", script, kind, ...toArguments(settings)];
}

/** Runs a campaign on three nodes. */
export async function runCrashCampaign(campaign: CrashCampaign): Promise<CrashReport> {
  const { kills, powerLosses, seed, onProgress } = campaign;
  const random = new SeededRandom(`crashes ${seed}`);
  const kind = powerLosses > 0 ? "unsynced" : "real";
  await using nodes = await NodeProcesses.start({ commandLine: (settings) => commandLine(kind, settings) });
  await nodes.leader();
  const load = new Load(nodes.addresses, seed);
  let leaderKills = 0;
  let before = load.acknowledged;
  for (let done = 0; done < kills; done++) {
    await pause(random.between(0, maxPauseMs));
    // On a busy machine kills could follow each other so fast that nothing is ever acknowledged.
    if (done % 2 === 0) await until("writes", () => load.acknowledged > before + writesBefore);
    before = load.acknowledged;
    // Every other time whoever leads, if somebody does.
    const leader = done % 2 === 0 ? await nodes.leader(5_000).catch(() => "") : "";
    const victim = leader === "" ? random.pick(nodes.ids) : leader;
    if (leader !== "") leaderKills++;
    await nodes.signal(victim, "SIGKILL");
    await pause(random.between(0, maxAwayMs));
    nodes.startNode(victim);
    onProgress?.(done + 1, load.acknowledged);
  }
  for (let done = 0; done < powerLosses; done++) {
    // Something must have been acknowledged since the last one.
    await until("writes", () => load.acknowledged > before + writesBefore);
    before = load.acknowledged;
    await pause(random.between(0, 2 * maxPauseMs));
    await Promise.all(nodes.ids.map((id) => nodes.signal(id, "SIGKILL")));
    for (const id of nodes.ids) nodes.startNode(id);
    onProgress?.(done + 1, load.acknowledged);
  }
  const report = await load.finish();
  return { ...report, kills, leaderKills, powerLosses };
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
