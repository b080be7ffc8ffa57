/**
 * The chapters of the demo. Each does something real to a running cluster, tells what, and checks what it claims.
 *
 * @module
 */
import { type Clerk, ClerkError } from "../../kv/mod.ts";
import { renderBytes, renderDuration, renderTable } from "../render.ts";
import { type DemoCluster, timeUntil } from "./demo_cluster.ts";
import type { Narrator } from "./narrator.ts";

/** Milliseconds within which anything that is bound to happen must have happened. */
const patienceMs = 8000;

/** What chapters have at hand. */
export interface Stage {
  /** Tells the story. */
  readonly narrator: Narrator;
  /** The nodes. */
  readonly cluster: DemoCluster;
  /** A client that knows every node. */
  readonly clerk: Clerk;
}

/** The nodes elect a leader. */
export async function electLeader({ narrator, cluster }: Stage): Promise<void> {
  narrator.chapter("Five nodes elect a leader");
  narrator.say(`${cluster.ids.join(", ")} listen on loopback, each with a log on disk; none of them leads yet.`);
  const tookMs = await timeUntil(() => cluster.leader() !== null, patienceMs);
  const leader = cluster.leader();
  if (leader === null || tookMs === null) return narrator.claim(false, "a majority follows one leader");
  narrator.claim(true, `${leader.id} leads term ${leader.term}, elected ${renderDuration(tookMs)} later`);
  const leaders = cluster.statuses().filter((status) => status.role === "leader" && status.term === leader.term);
  narrator.claim(leaders.length === 1, "nobody else leads that term");
}

/** put, append, get. */
export async function putGetAppend({ narrator, clerk }: Stage): Promise<void> {
  narrator.chapter("put, append, get");
  await clerk.put("color", "blue");
  narrator.shell("put color blue", "ok");
  await clerk.append("color", "-green");
  narrator.shell("append color -green", "ok");
  const value = await clerk.get("color");
  narrator.shell("get color", value);
  narrator.claim(value === "blue-green", "get sees what put and append have written");
  narrator.claim(await clerk.get("missing") === "", "a key that was never written has the empty value");
}

/** Thousands of keys, written and read back by one client with many calls in flight. */
export async function manyKeys({ narrator, clerk }: Stage): Promise<void> {
  const count = 5000;
  narrator.chapter(`${count} keys`);
  const keys = Array.from({ length: count }, (_, index) => `key-${String(index).padStart(4, "0")}`);
  const startWrites = performance.now();
  await Promise.all(keys.map((key) => clerk.put(key, `value of ${key}`)));
  const writeMs = performance.now() - startWrites;
  narrator.say(
    `One client puts them all, many at a time: ${renderDuration(writeMs)}, ` +
      `${perSecond(count, writeMs)} puts/s, each synced to disk on a majority before it was answered.`,
  );
  const startReads = performance.now();
  const values = await Promise.all(keys.map((key) => clerk.get(key)));
  const readMs = performance.now() - startReads;
  narrator.say(`It reads them back: ${renderDuration(readMs)}, ${perSecond(count, readMs)} linearizable gets/s.`);
  const wrong = keys.filter((key, index) => values[index] !== `value of ${key}`).length;
  narrator.claim(wrong === 0, `all ${count} values are what was put`);
}

/** The leader goes away; the others elect another and lose nothing. */
export async function loseLeader({ narrator, cluster, clerk }: Stage): Promise<void> {
  narrator.chapter("The leader fails");
  const old = cluster.leader();
  if (old === null) return narrator.claim(false, "there is a leader to stop");
  await clerk.put("before", "acknowledged by a majority");
  narrator.say(`${old.id} leads term ${old.term}. It is stopped in the middle of its work…`);
  const start = performance.now();
  await cluster.stopNode(old.id);
  const value = await clerk.get("before");
  await clerk.put("after", "written under the new leader");
  const tookMs = performance.now() - start;
  const successor = cluster.leader();
  narrator.say(`…and the client, which just asks again, is answered after ${renderDuration(tookMs)}.`);
  narrator.claim(
    successor !== null && successor.id !== old.id && successor.term > old.term,
    `${successor?.id ?? "nobody"} leads term ${successor?.term ?? "?"} by itself, without an operator`,
  );
  narrator.claim(value === "acknowledged by a majority", "what the old leader had acknowledged is still there");
  await cluster.startNode(old.id);
  const caughtUpMs = await timeUntil(() => haveCaughtUp(cluster), patienceMs);
  narrator.claim(
    caughtUpMs !== null,
    `${old.id} is started again, reads its log and has caught up ${renderDuration(caughtUpMs ?? patienceMs)} later`,
  );
}

/** Many clients append to one key while the leader is cut off: each append must take effect exactly once. */
export async function concurrentClients({ narrator, cluster }: Stage): Promise<void> {
  const clientCount = 8;
  const appendCount = 50;
  narrator.chapter(`${clientCount} clients at once`);
  narrator.say(`Each appends ${appendCount} marks to the same key. Half-way, the leader's links are cut: clients that`);
  narrator.say("get no answer cannot know whether their append was done, and send it again to the next leader.");
  const clerks = Array.from({ length: clientCount }, () => cluster.clerk());
  try {
    let done = 0;
    const writers = clerks.map(async (clerk, client) => {
      for (let number = 0; number < appendCount; number += 1) {
        await clerk.append("marks", `${client}.${number} `);
        done += 1;
      }
    });
    const all = Promise.all(writers);
    all.catch(() => {}); // Reported when it is awaited below.
    await timeUntil(() => done >= (clientCount * appendCount) / 2, patienceMs);
    const old = cluster.leader();
    if (old !== null) cluster.isolate([old.id]);
    const others = cluster.ids.filter((id) => id !== old?.id);
    const failoverMs = await timeUntil(() => cluster.leader(others) !== null, patienceMs);
    narrator.say(
      `${old?.id} is cut off at ${done} of ${clientCount * appendCount} marks; ` +
        `${cluster.leader(others)?.id} leads ${renderDuration(failoverMs ?? patienceMs)} later.`,
    );
    cluster.heal();
    await all;
    checkMarks(narrator, (await clerks[0]?.get("marks")) ?? "", clientCount, appendCount);
  } finally {
    cluster.heal();
    await Promise.all(clerks.map((clerk) => clerk[Symbol.asyncDispose]()));
  }
}

function checkMarks(narrator: Narrator, value: string, clientCount: number, appendCount: number): void {
  const marks = value.split(" ").filter((mark) => mark !== "");
  const total = clientCount * appendCount;
  narrator.claim(
    marks.length === total && new Set(marks).size === total,
    `${total} appends, ${marks.length} marks, ${
      marks.length - new Set(marks).size
    } of them twice: each took effect exactly once`,
  );
  const isInOrder = Array.from({ length: clientCount }, (_, client) => client).every((client) => {
    const own = marks.filter((mark) => mark.startsWith(`${client}.`)).map((mark) => Number(mark.split(".")[1]));
    return own.every((number, index) => number === index);
  });
  narrator.claim(isInOrder, "the marks of each client stand in the order in which it made them");
}

/** The network splits in two; only the side with a majority answers. */
export async function splitNetwork({ narrator, cluster, clerk }: Stage): Promise<void> {
  narrator.chapter("The network splits");
  await timeUntil(() => cluster.leader() !== null, patienceMs);
  const old = cluster.leader();
  const companion = cluster.ids.find((id) => id !== old?.id);
  if (old === null || companion === undefined) return narrator.claim(false, "there is a leader to cut off");
  const minority = [old.id, companion];
  const majority = cluster.ids.filter((id) => !minority.includes(id));
  await clerk.put("side", "before the split");
  cluster.isolate(minority);
  narrator.say(`Every wire between ${minority.join(", ")} (with the leader) and ${majority.join(", ")} is cut.`);
  await using majorityClerk = cluster.clerk(majority);
  const start = performance.now();
  await majorityClerk.put("side", "written by the majority");
  narrator.claim(
    cluster.leader(majority) !== null,
    `${cluster.leader(majority)?.id ?? "nobody"} leads the majority; its client is answered after ` +
      renderDuration(performance.now() - start),
  );
  await askMinority(narrator, cluster, minority);
  cluster.heal();
  const healedMs = await timeUntil(() => haveCaughtUp(cluster), patienceMs);
  const heads = cluster.statuses().filter((status) => status.role === "leader");
  narrator.claim(
    healedMs !== null && heads.length === 1,
    `the wires are mended: all follow ${heads[0]?.id ?? "nobody"} and are level ${
      renderDuration(healedMs ?? patienceMs)
    } later`,
  );
  await using minorityClerk = cluster.clerk(minority);
  narrator.claim(
    await minorityClerk.get("side") === "written by the majority",
    "what the majority wrote is what every client reads",
  );
}

/** The minority must rather be silent than tell something out of date, unless that was asked for. */
async function askMinority(narrator: Narrator, cluster: DemoCluster, minority: readonly string[]): Promise<void> {
  await using clerk = cluster.clerk(minority);
  const outcome = await clerk.get("side", { signal: AbortSignal.timeout(600) }).catch((error: unknown) => error);
  narrator.claim(
    outcome instanceof ClerkError && outcome.code === "aborted",
    "a client of the minority is not answered, rather than told something out of date",
  );
  const stale = await clerk.get("side", { consistency: "stale", signal: AbortSignal.timeout(2000) });
  narrator.claim(stale === "before the split", `unless it asks for a stale read, which says: ${stale}`);
}

/** Every replica holds the same. */
export async function compareReplicas({ narrator, cluster, clerk }: Stage): Promise<void> {
  narrator.chapter("Five equal replicas");
  await clerk.put("end", "of the demo");
  await timeUntil(() => haveCaughtUp(cluster), patienceMs);
  const statuses = cluster.statuses();
  const table = renderTable(
    ["node", "role", ">term", ">lastApplied", ">keys", ">log", "hash of all keys and values"],
    statuses.map((status) => [
      status.id,
      status.role,
      String(status.term),
      String(status.lastApplied),
      String(status.keys),
      renderBytes(status.logBytes),
      status.hash,
    ]),
    narrator.colors,
  );
  for (const line of table.split("\n")) narrator.say(line);
  narrator.claim(
    statuses.length === cluster.ids.length && new Set(statuses.map((status) => status.hash)).size === 1,
    "the same hash on every node, through all of the above",
  );
}

/** Whether every node runs and has applied the same, committed to the same point, under one leader. */
function haveCaughtUp(cluster: DemoCluster): boolean {
  const statuses = cluster.statuses();
  const leader = cluster.leader();
  return leader !== null && statuses.length === cluster.ids.length &&
    statuses.every((status) => status.leader === leader.id && status.lastApplied === leader.commitIndex);
}

function perSecond(count: number, durationMs: number): string {
  return Math.round(count / (durationMs / 1000)).toLocaleString("en");
}
