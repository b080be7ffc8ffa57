/** `balsa shards start` as a user runs it, and the commands that change who has which shards meanwhile. */
import { assertEquals, assertMatch } from "@std/assert";
import { freePorts } from "./free_ports.ts";

const decoder = new TextDecoder();

/** The command line, with the words behind `balsa shards`. */
function shards(...words: readonly string[]): Deno.Command {
  const args = ["task", "--quiet", "shards", ...words];
  const cwd = new URL("../../", import.meta.url);
  return new Deno.Command(Deno.execPath(), { args, cwd, stdin: "piped", stdout: "piped", stderr: "piped" });
}

async function outputOf(...words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const child = shards(...words).spawn();
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("shards start: keys stay where they can be read while groups leave and join", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "balsa-shards-test-" });
  try {
    const [port = 0] = freePorts(1);
    const words = [
      "start",
      "--data",
      dataDir,
      "--groups",
      "2",
      "--nodes",
      "1",
      "--shards",
      "6",
      "--port",
      String(port),
    ];
    const child = shards(...words).spawn();
    const input = child.stdin.getWriter();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
    const say = async (line: string): Promise<string> => {
      await input.write(new TextEncoder().encode(`${line}\n`));
      return (await lines.next()).value ?? "";
    };
    assertEquals((await say("append color blue\nget color")).trim(), "blue");
    const ports: unknown = JSON.parse(await Deno.readTextFile(`${dataDir}/ports.json`));
    const servers = `127.0.0.1:${Array.isArray(ports) ? ports[0] : 0}`;
    assertMatch((await outputOf("leave", "1", "--servers", servers)).text, /3 of 6 shards move\n/);
    assertEquals((await say("append color -green\nget color")).trim(), "blue-green");
    const refused = await outputOf("leave", "1", "--servers", servers);
    assertEquals(refused, { code: 1, text: "balsa: Cannot use group 1: it is not there; see: balsa shards status\n" });
    const status = await outputOf("status", "--servers", servers);
    assertMatch(status.text, /^configuration 2, 6 shards, 1 groups\n/);
    assertMatch(status.text, /all shards are where they belong\n$/);
    await input.close();
    await child.stderr.cancel();
    assertEquals((await child.status).code, 0);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
