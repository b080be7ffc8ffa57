/**
 * Real processes that lose their disks while clients write: they come back by themselves, and nothing is lost.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { NodeProcesses } from "./node_processes.ts";
import { until } from "./until.ts";

/** What becomes of a stopped node's directory. `copy` was made of it while the node ran, `backup` while it did not. */
type Disaster = (directory: string, backup: string, copy: string) => Promise<void>;

async function replace(directory: string, by: string): Promise<void> {
  await Deno.remove(directory, { recursive: true });
  await copyDirectory(by, directory);
}

const forgetful = "thrown back to what it was while the node ran";

const disasters: Readonly<Record<string, Disaster>> = {
  "deleted": async (directory) => {
    await Deno.remove(directory, { recursive: true });
  },
  "replaced by an older copy": (directory, backup) => replace(directory, backup),
  // It is what a disk leaves that says "synced" and is not; nothing in it tells, and only the leader knows better.
  [forgetful]: (directory, _backup, copy) => replace(directory, copy),
  "damaged by a flipped bit in its log": async (directory) => {
    const log = `${directory}/${(await names(directory)).find((name) => name.startsWith("wal-"))}`;
    const bytes = await Deno.readFile(log);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 4;
    await Deno.writeFile(log, bytes);
  },
};

async function names(directory: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(directory)) found.push(entry.name);
  return found.sort();
}

async function copyDirectory(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { mode: 0o700 });
  for (const name of await names(from)) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
}

/** Disasters after which the node knows what it lacks, gets it from the others, and stays who it is. */
const repairable = "damaged by a flipped bit in its log";

for (const [what, disaster] of Object.entries(disasters)) {
  Deno.test(`a node whose directory was ${what} while clients write is a voter again within 20 s`, async () => {
    await using nodes = await NodeProcesses.start();
    const leader = await nodes.leader();
    const victim = nodes.ids.find((id) => id !== leader) ?? "";
    const directory = `${nodes.directory}/${victim}`;
    const [backup, copy] = [`${nodes.directory}/backup`, `${nodes.directory}/copy`];
    let acknowledged = "";
    let isOver = false;
    const client = (async () => {
      await using clerk = nodes.clerk();
      for (let serial = 0; !isOver; serial++) {
        await clerk.append("log", `${serial} `);
        acknowledged += `${serial} `;
      }
    })();
    await until("some appends", () => acknowledged.length > 500);
    await nodes.signal(victim, "SIGTERM");
    await copyDirectory(directory, backup);
    nodes.startNode(victim);
    await using clerk = nodes.clerk();
    const statusOf = (id: string) => clerk.status(nodes.peers[id] ?? "", { timeoutMs: 1000 }).catch(() => null);
    await until(`${victim} to follow`, async () => (await statusOf(victim))?.leader === leader);
    await nodes.signal(victim, "SIGSTOP");
    await copyDirectory(directory, copy);
    await nodes.signal(victim, "SIGCONT");
    const length = acknowledged.length;
    await until("more appends", () => acknowledged.length > length + 500);
    // Whether it has acknowledged them as well shows where it has applied them.
    const { commitIndex: committed = Infinity, term = 0 } = await statusOf(leader) ?? {};
    await until(`${victim} to have them`, async () => ((await statusOf(victim))?.lastApplied ?? 0) >= committed);
    await nodes.signal(victim, "SIGKILL");
    await disaster(directory, backup, copy);
    nodes.startNode(victim);
    let identity = "";
    let keepsIdentity = what === repairable;
    await until(`${victim} to be a voter again`, async () => {
      const status = await statusOf(victim);
      identity = status?.identity ?? "";
      // A leader that was elected since does not know either: on a busy machine there may be one.
      if (what === forgetful && (status?.term ?? 0) > term) keepsIdentity = identity === victim;
      return status?.state === "running" && (identity === victim) === keepsIdentity;
    });
    // With the other follower gone, the node's acknowledgements are what keeps the cluster going.
    const other = nodes.ids.find((id) => id !== victim && id !== leader) ?? "";
    await nodes.signal(other, "SIGKILL");
    const before = acknowledged.length;
    await until("more appends", () => acknowledged.length > before + 500);
    isOver = true;
    await client;
    nodes.startNode(other);
    assertMatch(identity, keepsIdentity ? new RegExp(`^${victim}$`) : new RegExp(`^${victim}#\\d+$`));
    for (const id of nodes.ids) {
      await until(`${id} to have everything`, async () => (await statusOf(id))?.state === "running");
      assertEquals(await clerk.get("log"), acknowledged);
    }
  });
}
