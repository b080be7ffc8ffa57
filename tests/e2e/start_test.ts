/**
 * The README's first command, word for word, and the permissions it promises.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { nodeCommandLine } from "../../shell/node_child.ts";
import { NodeProcesses } from "./node_processes.ts";
import { freePorts } from "./free_ports.ts";

const root = new URL("../../", import.meta.url);

/** Runs `deno task start` with commands on standard input. */
async function start(directory: string, commands: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const [port = 0] = freePorts(1);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "start", "--data", directory, "--port", `${port}`],
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(commands));
  await input.close();
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("deno task start: commands on standard input, and the data is there the next time", async () => {
  const directory = await Deno.makeTempDir({ prefix: "balsa-start-" });
  try {
    const first = await start(directory, "put color blue\nappend color -green\nget color\n");
    assertEquals([first.stdout, first.code], ["blue-green\n", 0], first.stderr);
    const second = await start(directory, "get color\n");
    assertEquals([second.stdout, second.code], ["blue-green\n", 0], second.stderr);
    const third = await start(directory, "get color\nput color\nget color\n");
    assertEquals([third.stdout, third.code], ["blue-green\nblue-green\n", 1]);
    assertStringIncludes(third.stderr, "line 2");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a node runs with its ports and its directory for permissions, and the README says so", async () => {
  await using nodes = await NodeProcesses.start();
  const id = await nodes.leader();
  const directory = `${nodes.directory}/${id}`;
  const permissions = nodeCommandLine(nodes.settings(id)).filter((word) => /^(?:--allow|-A)/.test(word));
  assertEquals(permissions.slice(1), [`--allow-read=${directory}`, `--allow-write=${directory}`]);
  const [name, addresses = ""] = permissions[0]?.split("=") ?? [];
  assertEquals([name, addresses.split(",").sort()], ["--allow-net", nodes.addresses.toSorted()]);
  await using clerk = nodes.clerk();
  await clerk.put("color", "blue");
  assertEquals(await clerk.get("color"), "blue");
  const readme = await Deno.readTextFile(new URL("README.md", root));
  assertMatch(
    readme,
    /deno run --allow-net=\S+ --allow-read=\S+ --allow-write=\S+ \\\n {2}--v8-flags=\S+ \\\n {2}shell\/node_process\.ts/,
  );
});

Deno.test("a node without permission for its directory says what it lacks", async () => {
  const [port = 0] = freePorts(1);
  const address = `127.0.0.1:${port}`;
  const directory = await Deno.makeTempDir({ prefix: "balsa-permission-" });
  try {
    const settings = { id: "n1", listen: address, peers: { n1: address }, clusterId: "balsa", isInsecure: false };
    const args = nodeCommandLine({ ...settings, dataDir: `${directory}/n1` })
      .filter((word) => !word.startsWith("--allow-write"));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
    assert(code !== 0);
    assertMatch(new TextDecoder().decode(stderr), /write/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
