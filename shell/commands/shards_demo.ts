/**
 * `balsa shards demo`: groups join and leave while clients write, and no operation fails.
 *
 * @module
 */
import { ShardClerk, ShardController } from "../../kv/mod.ts";
import { Narrator } from "../demo/narrator.ts";
import { exitFailed, exitOk } from "../failure.ts";
import { LocalShards } from "../local_shards.ts";
import type { Output } from "../output.ts";
import { renderDuration } from "../render.ts";
import { renderShards } from "../shards_table.ts";

const groupCount = 3;
const shardCount = 24;
const clientCount = 8;

/** What the demo's clients have done. */
interface Load {
  isOver: boolean;
  calls: number;
  slowestMs: number;
  readonly failures: string[];
}

/** A client that appends to its own key, and checks now and then that all of it is there. */
async function client(servers: readonly string[], number: number, load: Load): Promise<void> {
  await using clerk = new ShardClerk(servers);
  let expected = "";
  for (let turn = 0; !load.isOver; turn++) {
    const key = `client ${number}, key ${turn % 5}`;
    const startedMs = performance.now();
    try {
      await clerk.append(key, `${turn};`);
      if (turn % 5 === 0) expected += `${turn};`;
      if (turn % 50 === 0 && await clerk.get(`client ${number}, key 0`) !== expected) {
        load.failures.push(`${key} is wrong`);
      }
    } catch (error) {
      load.failures.push(String(error));
    }
    load.calls++;
    load.slowestMs = Math.max(load.slowestMs, performance.now() - startedMs);
  }
  if (await clerk.get(`client ${number}, key 0`) !== expected) {
    load.failures.push(`the key of client ${number} is wrong`);
  }
}

/** Runs it; returns {@link exitFailed} if anything it claims turned out wrong. */
export async function runShardsDemo(output: Output): Promise<number> {
  const narrator = new Narrator(output);
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-shards-demo-" });
  try {
    await using shards = await LocalShards.start({
      ...{ dataDir, firstPort: 0, groups: groupCount, nodes: 3, shardCount },
      onLost: () => {},
    });
    await tell(narrator, shards, output);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
  return narrator.failed > 0 ? exitFailed : exitOk;
}

async function tell(narrator: Narrator, shards: LocalShards, output: Output): Promise<void> {
  const { servers } = shards;
  await using controller = new ShardController(servers, { shardCount });
  const addressesOf = (group: number): readonly string[] =>
    shards.groups.get(group)?.map((child) => child.settings.listen) ?? [];
  narrator.chapter(`A controller and ${groupCount} groups of three servers, each a process of its own`);
  await controller.join({ 1: addressesOf(1) });
  await controller.settled();
  narrator.say(`Group 1 has all ${shardCount} shards; ${clientCount} clients begin to append.`);
  const load: Load = { isOver: false, calls: 0, slowestMs: 0, failures: [] };
  const running = Array.from({ length: clientCount }, (_, number) => client(servers, number, load));
  const steps: [string, () => Promise<unknown>][] = [
    ["Group 2 joins", () => controller.join({ 2: addressesOf(2) })],
    ["Group 3 joins", () => controller.join({ 3: addressesOf(3) })],
    ["Group 1 leaves", () => controller.leave([1])],
    ["Group 1 comes back", () => controller.join({ 1: addressesOf(1) })],
  ];
  for (const [title, step] of steps) {
    narrator.chapter(title);
    const [startedMs, callsBefore] = [performance.now(), load.calls];
    await step();
    const configuration = await controller.settled();
    const took = renderDuration(performance.now() - startedMs);
    narrator.say(
      `All shards were in their places after ${took}; meanwhile ${load.calls - callsBefore} calls were answered.`,
    );
    const table = renderShards(configuration, await controller.statuses(), narrator.colors, false);
    for (const line of table.split("\n")) output.result(`   ${line}`);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  load.isOver = true;
  await Promise.all(running);
  narrator.chapter("What the clients saw");
  narrator.say(`${load.calls} calls, the slowest of which took ${renderDuration(load.slowestMs)}.`);
  narrator.claim(
    load.failures.length === 0,
    `no call has failed, and every append is there once ${load.failures[0] ?? ""}`,
  );
}
