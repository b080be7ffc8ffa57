/**
 * Directories and snapshots of earlier versions, as bytes: they open, and what they hold is all there.
 *
 * golden/data_1 is the directory of a cluster of one, n1: a snapshot of format 2 at index 84, and behind it a log with a
 * command of nearly every kind.
 */
import { assertEquals } from "@std/assert";
import { Clerk, KvServer } from "../../kv/mod.ts";

/** A copy of a golden directory, since a node writes into its own. */
async function copyOf(name: string): Promise<string> {
  const source = new URL(`./golden/${name}/`, import.meta.url);
  const copy = await Deno.makeTempDir({ prefix: "balsa-golden-" });
  for await (const { name: file } of Deno.readDir(source)) {
    await Deno.copyFile(new URL(file, source), `${copy}/${file}`);
  }
  return copy;
}

Deno.test("golden: a data directory with log and snapshot of format 2 opens", async () => {
  const dataDir = await copyOf("data_1");
  try {
    await using server = await KvServer.start({
      ...{ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir },
    });
    assertEquals(server.status().snapshotIndex, 84);
    const lock = await server.replica.read({ kind: "lock", name: "backup" });
    assertEquals(lock, { kind: "lock", token: 98, remainingMs: 3_600_000 });
    await using clerk = new Clerk([server.address]);
    const found = (await clerk.range()).entries.map(({ key, value, version }) => [key, value, version]);
    const bytes = new Uint8Array([0, 1, 254, 255]);
    assertEquals(found, [
      ["bytes", bytes, 1],
      ["color", "blue-green", 2],
      ["count", "-7", 1],
      ["key0", "value 40", 3],
      ["key2", "value 42", 3],
      ["key4", "four", 4],
      ["key5", "five", 4],
      ["key7", "value 47", 3],
      ["key8", "value 48", 3],
      ["key9", "value 49", 3],
      ["log", `one ${"more ".repeat(24)}`, 25],
    ]);
    assertEquals([server.status().hash, server.status().sessions], ["a764d6e16e2bb9c6", 2]);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
