import { assert, assertEquals } from "@std/assert";
import { Clerk } from "../../mod.ts";
import { NodeProcesses } from "./node_processes.ts";
import { until } from "./until.ts";

const clerkCount = 8;
const appendsPerClerk = 250;

/** What a clerk appends: short, unique, and easy to find again in order. */
function mark(clerk: number, serial: number): string {
  return `[${clerk}.${serial}]`;
}

/** Fails unless `value` holds every mark of `acknowledged` exactly once and in the order of its clerk, and nothing else. */
function assertExactlyOnce(value: string, acknowledged: readonly number[]): void {
  const marks = value.match(/\[\d+\.\d+\]/g) ?? [];
  assertEquals(marks.join(""), value, "the value consists of whole appends");
  for (const [clerk, count] of acknowledged.entries()) {
    const own = marks.filter((text) => text.startsWith(`[${clerk}.`));
    assertEquals(own, Array.from({ length: count }, (_, serial) => mark(clerk, serial)), `appends of clerk ${clerk}`);
  }
}

Deno.test("a leader killed during 2,000 appends from 8 Clerks: back within 2 s, each append exactly once and in order", async () => {
  await using nodes = await NodeProcesses.start();
  const leader = await nodes.leader();
  const acknowledged = new Array<number>(clerkCount).fill(0);
  const acknowledgedAtMs: number[] = [];
  const appendAll = async (clerkNumber: number): Promise<void> => {
    await using clerk = nodes.clerk();
    for (let serial = 0; serial < appendsPerClerk; serial++) {
      await clerk.append("log", mark(clerkNumber, serial));
      acknowledged[clerkNumber] = serial + 1;
      acknowledgedAtMs.push(performance.now());
    }
  };
  const clerks = Array.from({ length: clerkCount }, (_, clerkNumber) => appendAll(clerkNumber));
  await until("a quarter of the appends", () => acknowledgedAtMs.length >= clerkCount * appendsPerClerk / 4);
  const killedMs = performance.now();
  await nodes.signal(leader, "SIGKILL");
  await Promise.all(clerks);
  const backMs = acknowledgedAtMs.find((timeMs) => timeMs > killedMs + 50) ?? Infinity;
  assert(backMs - killedMs < 2000, `service came back after ${Math.round(backMs - killedMs)} ms`);
  await using clerk = nodes.clerk();
  assertExactlyOnce(await clerk.get("log"), acknowledged);
});

Deno.test("all three nodes killed at once and started again: nothing acknowledged is lost", async () => {
  await using nodes = await NodeProcesses.start();
  await nodes.leader();
  const acknowledged = new Array<number>(clerkCount).fill(0);
  let total = 0;
  const stop = new AbortController();
  const appendUntilStopped = async (clerkNumber: number): Promise<void> => {
    await using clerk = nodes.clerk();
    for (let serial = 0; !stop.signal.aborted; serial++) {
      try {
        await clerk.append("log", mark(clerkNumber, serial), { signal: stop.signal });
      } catch {
        return; // The last append of a Clerk was under way when it was told to stop: it may be there or not.
      }
      acknowledged[clerkNumber] = serial + 1;
      total += 1;
    }
  };
  const clerks = Array.from({ length: clerkCount }, (_, clerkNumber) => appendUntilStopped(clerkNumber));
  await until("500 appends", () => total >= 500);
  await Promise.all(nodes.ids.map((id) => nodes.signal(id, "SIGKILL")));
  stop.abort();
  await Promise.all(clerks);
  for (const id of nodes.ids) nodes.startNode(id);
  await using clerk = nodes.clerk();
  const marks = (await clerk.get("log")).match(/\[\d+\.\d+\]/g) ?? [];
  for (const [clerkNumber, count] of acknowledged.entries()) {
    const own = marks.filter((text) => text.startsWith(`[${clerkNumber}.`));
    assert(
      own.length === count || own.length === count + 1,
      `clerk ${clerkNumber}: ${count} acked, ${own.length} found`,
    );
    assertEquals(own, own.map((_, serial) => mark(clerkNumber, serial)), `appends of clerk ${clerkNumber}`);
  }
});

Deno.test("a follower that was away past a snapshot catches up by InstallSnapshot", async () => {
  await using nodes = await NodeProcesses.start();
  const leader = await nodes.leader();
  const away = nodes.ids.find((id) => id !== leader) ?? "";
  await nodes.signal(away, "SIGKILL");
  await using clerk = nodes.clerk();
  // More than maxRaftState, 32 MiB, so that the others snapshot and forget what the absent one would need.
  const value = "x".repeat(1_000_000);
  for (let serial = 0; serial < 50; serial++) await clerk.put(`big${serial}`, value);
  await clerk.put("small", "after");
  await until(
    "a snapshot on the leader",
    async () => (await clerk.status(nodes.peers[leader] ?? "")).snapshotIndex > 0,
  );
  nodes.startNode(away);
  await until("the follower to hold the snapshot and what follows", async () => {
    const status = await clerk.status(nodes.peers[away] ?? "", { timeoutMs: 1000 }).catch(() => null);
    const ahead = await clerk.status(nodes.peers[leader] ?? "");
    return status !== null && status.snapshotIndex > 0 && status.lastApplied === ahead.lastApplied &&
      status.hash === ahead.hash;
  });
});

Deno.test("a leader that was stopped while another one wrote does not answer by its lease when it goes on", async () => {
  await using nodes = await NodeProcesses.start();
  await using clerk = nodes.clerk();
  await clerk.put("color", "blue");
  const leader = await nodes.leader();
  await using former = new Clerk([nodes.peers[leader] ?? ""]);
  assertEquals(await former.get("color", { consistency: "lease" }), "blue");
  await nodes.signal(leader, "SIGSTOP");
  await clerk.put("color", "green");
  // These wait in its socket: they are the first thing that it sees.
  const reads = Array.from({ length: 20 }, () => former.get("color", { consistency: "lease" }));
  await nodes.signal(leader, "SIGCONT");
  assertEquals(new Set(await Promise.all(reads)), new Set(["green"]));
});

Deno.test("a minority serves neither reads nor writes, and goes on when the others are back", async () => {
  await using nodes = await NodeProcesses.start();
  const leader = await nodes.leader();
  await using clerk = nodes.clerk();
  await clerk.put("color", "blue");
  const others = nodes.ids.filter((id) => id !== leader);
  for (const id of others) await nodes.signal(id, "SIGSTOP");
  const outcomes = await Promise.allSettled([
    clerk.get("color", { timeoutMs: 2000 }),
    clerk.put("color", "green", { timeoutMs: 2000 }),
  ]);
  assertEquals(outcomes.map((outcome) => outcome.status), ["rejected", "rejected"]);
  for (const id of others) await nodes.signal(id, "SIGCONT");
  await clerk.put("color", "red");
  assertEquals(await clerk.get("color"), "red");
});
