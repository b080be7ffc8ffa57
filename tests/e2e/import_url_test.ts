/**
 * `mod.ts` is imported from a URL by people who have no configuration and no registry.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** Serves the repository's files on loopback. */
function serveSources(): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname.slice(1);
    try {
      const text = await Deno.readTextFile(new URL(path, root));
      return new Response(text, { headers: { "content-type": "application/typescript" } });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

async function run(directory: string, args: readonly string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: directory,
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("mod.ts runs a node and a Clerk from an http URL in an empty folder, and loads nothing else", async () => {
  await using server = serveSources();
  const host = `127.0.0.1:${server.addr.port}`;
  const directory = await Deno.makeTempDir({ prefix: "balsa-import-" });
  try {
    await Deno.writeTextFile(
      `${directory}/main.ts`,
      `import { Clerk, KvServer } from "http://${host}/mod.ts";
      await using server = await KvServer.start({
        id: "n1", listen: "127.0.0.1:0", dataDir: "./data", peers: { n1: "127.0.0.1:0" },
      });
      await using clerk = new Clerk([server.address]);
      await clerk.put("color", "blue");
      await clerk.append("color", "-green");
      console.log(await clerk.get("color"));`,
    );
    const output = await run(directory, [
      "run",
      "--no-config",
      "--no-lock",
      "--quiet",
      "--reload",
      `--allow-import=${host}`,
      "--allow-net=127.0.0.1",
      "--allow-read=./data",
      "--allow-write=./data",
      "main.ts",
    ]);
    assertEquals(output.trim(), "blue-green");
    const graph = JSON.parse(
      await run(directory, ["info", "--no-config", "--no-lock", "--json", `--allow-import=${host}`, "main.ts"]),
    );
    const specifiers: string[] = graph.modules.map((module: { specifier: string }) => module.specifier);
    assert(specifiers.length > 20, "the graph is that of the whole module");
    const foreign = specifiers.filter((specifier) =>
      !specifier.startsWith(`http://${host}/`) && !specifier.startsWith("node:") && !specifier.endsWith("/main.ts")
    );
    assertEquals(foreign, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
