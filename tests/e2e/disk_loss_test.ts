/**
 * Real processes that lose their disks while clients write: they come back by themselves, and nothing is lost.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { NodeProcesses } from "./node_processes.ts";
import { until } from "./until.ts";

/** What becomes of a stopped node's directory. */
type Disaster = (directory: string, backup: string) => Promise<void>;

const disasters: Readonly<Record<string, Disaster>> = {
  "deleted": async (directory) => {
    await Deno.remove(directory, { recursive: true });
  },
  "replaced by an older copy": async (directory, backup) => {
    await Deno.remove(directory, { recursive: true });
    await copyDirectory(backup, directory);
  },
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
    const backup = `${nodes.directory}/backup`;
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
    const length = acknowledged.length;
    await until("more appends", () => acknowledged.length > length + 500);
    await nodes.signal(victim, "SIGKILL");
    await disaster(directory, backup);
    nodes.startNode(victim);
    let identity = "";
    await until(`${victim} to be a voter again`, async () => {
      const status = await statusOf(victim);
      identity = status?.identity ?? "";
      return status?.state === "running" && (status.identity === victim) === (what === repairable);
    });
    // With the other follower gone, the node's acknowledgements are what keeps the cluster going.
    const other = nodes.ids.find((id) => id !== victim && id !== leader) ?? "";
    await nodes.signal(other, "SIGKILL");
    const before = acknowledged.length;
    await until("more appends", () => acknowledged.length > before + 500);
    isOver = true;
    await client;
    nodes.startNode(other);
    assertMatch(identity, what === repairable ? new RegExp(`^${victim}$`) : new RegExp(`^${victim}#\\d+$`));
    for (const id of nodes.ids) {
      await until(`${id} to have everything`, async () => (await statusOf(id))?.state === "running");
      assertEquals(await clerk.get("log"), acknowledged);
    }
  });
}
