/**
 * balsa disk, on real files.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KvServer } from "../../kv/mod.ts";
import { runProgram } from "../../shell/program.ts";
import { until } from "../e2e/until.ts";
import { RecordedOutput } from "./fakes.ts";

async function run(...words: string[]): Promise<{ exitCode: number; results: string; notes: string }> {
  const output = new RecordedOutput();
  const exitCode = await runProgram(words, output);
  return { exitCode, results: output.results.join("\n"), notes: output.notes.join("\n") };
}

async function startServer(dataDir: string): Promise<KvServer> {
  return await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
}

Deno.test("balsa disk: a directory in use, a sound one, a damaged one and none at all", async () => {
  const parent = await Deno.makeTempDir({ prefix: "balsa-disk-" });
  const directory = `${parent}/n1`;
  try {
    {
      await using server = await startServer(directory);
      const held = await run("disk", "verify", directory);
      assertEquals([held.exitCode, held.results], [1, ""]);
      assertMatch(held.notes, /held by process \d+/);
      assertEquals(server.status().state, "running");
      await until("its first entry", () => server.status().lastApplied > 0);
    }
    const sound = await run("disk", "verify", directory);
    assertEquals([sound.exitCode, sound.notes], [0, ""]);
    assertMatch(sound.results, /is sound: \d+ records in 1 segments, 0 snapshots, the log ends with entry \d+/);
    const inspected = await run("disk", "inspect", directory);
    assertEquals(inspected.exitCode, 0);
    for (const part of ["node n1 of cluster balsa", "hardState", "vote for n1", "the witness knows of batch"]) {
      assertStringIncludes(inspected.results, part);
    }

    const { segments } = JSON.parse((await run("disk", "inspect", "--json", directory)).results);

    const log = `${directory}/wal-000000000001.log`;
    const bytes = await Deno.readFile(log);
    bytes[110] = (bytes[110] ?? 0) ^ 1;
    await Deno.writeFile(log, bytes);
    const damaged = await run("disk", "verify", directory);
    assertEquals(damaged.exitCode, 1);
    // Where the record begins depends on how long the numbers before it are; the flipped byte is within it, perhaps in its
    // length.
    const place = /^damaged {2}wal-000000000001\.log at offset (\d+): [a-z]/;
    const offset = Number(damaged.results.match(place)?.[1]);
    assert(offset <= 110 && offset > 110 - 32, damaged.results);
    assertStringIncludes(damaged.results, "Everything can still be read: the next start writes the log anew");
    const asJson = await run("disk", "verify", "--json", directory);
    const { isSound, problems } = JSON.parse(asJson.results);
    assertEquals([asJson.exitCode, isSound, problems[0].offset], [1, false, offset]);
    const inspectedJson = await run("disk", "inspect", "--json", directory);
    assertEquals([inspectedJson.exitCode, JSON.parse(inspectedJson.results).meta.nodeId], [1, "n1"]);
    assertEquals(await Deno.readFile(log), bytes);

    const entries = segments[0].records.find(({ type }: { type: string }) => type === "entries");
    bytes[entries.offset + 34] = (bytes[entries.offset + 34] ?? 0) ^ 1;
    await Deno.writeFile(log, bytes);
    const missing = await run("disk", "inspect", directory);
    assertStringIncludes(missing.results, "There is no other member to repair it from");
    assertMatch(missing.results, /in need of repair: missing: 1, of 1 entries; term 1 is known/);

    const none = await run("disk", "verify", `${parent}/n2`);
    assertEquals([none.exitCode, none.results], [1, ""]);
    assertStringIncludes(none.notes, `Cannot read directory ${parent}/n2`);
    assertEquals((await run("disk", "verify")).exitCode, 2);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
