/**
 * A real process whose state differs from that of the others: it ends, and says why.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { nodeCommandLine } from "../../shell/node_child.ts";
import { toArguments } from "../../shell/node_settings.ts";
import { NodeProcesses } from "./node_processes.ts";

Deno.test("a process whose state differs ends within 1,000 entries with a line that says so; the others go on", async () => {
  const script = new URL("./spoiled_node.ts", import.meta.url).href;
  await using nodes = await NodeProcesses.start({
    commandLine: (settings) =>
      settings.id === "n3"
        ? ["run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "-A", script, ...toArguments(settings)]
        : nodeCommandLine(settings),
  });
  await using clerk = nodes.clerk();
  let hasEnded = false;
  const ended = nodes.ended("n3").finally(() => hasEnded = true);
  let writes = 0;
  // One at a time, so that each is an entry.
  while (!hasEnded && writes < 1_100) await clerk.put("k", `${writes++}`, { timeoutMs: 20_000 });
  assert(hasEnded, `it was not found out within ${writes} writes`);
  const { code, output } = await ended;
  assertEquals(code, 1);
  assertMatch(
    output,
    /n3 has failed and takes no further part: Cannot go on: the replicas' states differ at index \d+/,
  );
  assertMatch(output, /A majority has another state than this node/);
  assertEquals(await clerk.get("stray"), "");
  assertEquals(await clerk.get("k"), `${writes - 1}`);
});
