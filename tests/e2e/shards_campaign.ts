/**
 * Shards that move without pause between groups of real processes, which are killed by SIGKILL all the while, under the
 * calls of many clients: `deno run -A tests/e2e/shards_campaign.ts [SECONDS]`. In the end all calls must have been
 * linearizable, and every append that was acknowledged must be there once. Half of the shards never move: what their keys'
 * calls take is compared with what they took before anything moved.
 *
 * @module
 */
import { ClerkError } from "../../kv/errors.ts";
import { ShardController } from "../../kv/shards/controller.ts";
import { ShardClerk } from "../../kv/shards/shard_clerk.ts";
import { shardOf } from "../../kv/shards/shard_config.ts";
import { checkLinearizability, HistoryRecorder } from "../../raft/testing/mod.ts";
import { LocalShards } from "../../shell/local_shards.ts";
import { NodeChild } from "../../shell/node_child.ts";
import { median, waitMs } from "../bench/shards_load.ts";
import { Ledger } from "../simulation/ledger.ts";

const [groupCount, shardCount, clientCount] = [3, 12, 16];

/** What a campaign is told. */
export interface CampaignOptions {
  /** How long shards move and servers are killed, in milliseconds. */
  readonly movingMs: number;
  /** How long nothing moves before that, in milliseconds. */
  readonly quietMs: number;
}

/** What came of it. */
export interface CampaignReport {
  /** Calls that were answered. */
  readonly calls: number;
  /** Changes of the configuration. */
  readonly moves: number;
  /** Servers killed. */
  readonly kills: number;
  /** Writes of which nobody knows whether they were done. */
  readonly unknown: number;
  /** What is wrong; null when nothing is. */
  readonly problem: string | null;
  /** Median latency of calls for keys whose shards never move, in milliseconds: before, and while others move. */
  readonly stillMs: readonly [before: number, during: number];
  /** Of calls for keys whose shards move. */
  readonly movingMs: readonly [before: number, during: number];
}

class Campaign {
  readonly recorder = new HistoryRecorder(() => performance.now() * 1e6);
  readonly ledger = new Ledger();
  readonly latencies = { still: [[], []] as [number[], number[]], moving: [[], []] as [number[], number[]] };
  phase: 0 | 1 = 0;
  isOver = false;
  calls = 0;
  unknown = 0;
  moves = 0;
  kills = 0;
  readonly #shards: LocalShards;
  /** The present process of each server. */
  readonly #children: Map<string, NodeChild>;

  constructor(shards: LocalShards) {
    this.#shards = shards;
    this.#children = new Map(shards.children.map((child) => [child.settings.id, child]));
  }

  /** Appends and reads, one call after the other. */
  async client(number: number): Promise<void> {
    await using clerk = new ShardClerk(this.#shards.servers, { attemptTimeoutMs: 1_000 });
    for (let turn = 0; !this.isOver; turn++) {
      const key = `${Math.floor(turn / 100)}.${(turn + number) % 24}`;
      const startedMs = performance.now();
      const { phase } = this;
      await (Math.random() < 0.5 ? this.#append(clerk, key) : this.#get(clerk, key));
      this.calls++;
      const kind = shardOf(key, shardCount) % 2 === 0 ? this.latencies.moving : this.latencies.still;
      kind[phase].push(performance.now() - startedMs);
      await waitMs(5);
    }
  }

  /** Moves one shard after the other. */
  async operate(): Promise<void> {
    await using controller = new ShardController(this.#shards.servers);
    while (!this.isOver) {
      const shard = 2 * Math.floor(Math.random() * shardCount / 2);
      const change = await controller.move(shard, 1 + Math.floor(Math.random() * groupCount));
      if (change.kind === "changed") this.moves++;
      await waitMs(100);
    }
  }

  /** Kills one server after the other, and starts it again. */
  async kill(): Promise<void> {
    while (!this.isOver) {
      await waitMs(1_500);
      const ids = [...this.#children.keys()];
      const child = this.#children.get(ids[Math.floor(Math.random() * ids.length)] ?? "");
      if (child === undefined || this.isOver) continue;
      Deno.kill(child.pid, "SIGKILL");
      this.kills++;
      await child.stop();
      await waitMs(500);
      const { settings, logFile } = child;
      const next = NodeChild.spawn({ settings, logFile, onLost: () => {} });
      this.#children.set(settings.id, next);
      await next.listening;
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children.values()].map((child) => child.stop()));
  }

  async findProblem(): Promise<string | null> {
    await using clerk = new ShardClerk(this.#shards.servers);
    for (const key of this.ledger.keys) {
      const { ended } = this.ledger;
      const problem = this.ledger.problemOf(key, await this.#get(clerk, key), ended);
      if (problem !== null) return problem;
    }
    const verdict = checkLinearizability(this.recorder.history());
    return verdict.kind === "linearizable" ? null : verdict.explanation;
  }

  async #get(clerk: ShardClerk, key: string): Promise<string> {
    const call = this.recorder.begin({ f: "get", key });
    const value = await clerk.get(key);
    call.ok(value);
    return value;
  }

  async #append(clerk: ShardClerk, key: string): Promise<void> {
    const token = this.ledger.begin(key, "append");
    const value = this.ledger.value(token, 0);
    const call = this.recorder.begin({ f: "append", key, value });
    try {
      await clerk.append(key, value);
      this.ledger.end(token, "done");
      call.ok();
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
      this.unknown++;
      this.ledger.end(token, "unknown");
      call.info();
    }
  }
}

/** Runs a campaign in a directory of its own, which goes in the end. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-shards-campaign-" });
  const shards = await LocalShards.start({
    ...{ dataDir, firstPort: 0, groups: groupCount, nodes: 3, shardCount, onLost: () => {} },
  });
  const campaign = new Campaign(shards);
  try {
    await shards.join();
    const clients = Array.from({ length: clientCount }, (_, number) => campaign.client(number));
    await waitMs(options.quietMs);
    campaign.phase = 1;
    const disturbers = [campaign.operate(), campaign.kill()];
    await Promise.race([waitMs(options.movingMs), Promise.all([...clients, ...disturbers])]);
    campaign.isOver = true;
    await Promise.all([...clients, ...disturbers]);
    const { calls, moves, kills, unknown, latencies: { still, moving } } = campaign;
    const problem = await campaign.findProblem();
    const pair = ([before, during]: [number[], number[]]) => [median(before), median(during)] as const;
    return { calls, moves, kills, unknown, problem, stillMs: pair(still), movingMs: pair(moving) };
  } finally {
    campaign.isOver = true;
    await campaign.stop();
    await Deno.remove(dataDir, { recursive: true });
  }
}

if (import.meta.main) {
  const report = await runCampaign({ quietMs: 10_000, movingMs: 1_000 * Number(Deno.args[0] ?? 60) });
  console.log(JSON.stringify(report, null, 2));
  Deno.exit(report.problem === null ? 0 : 1);
}
