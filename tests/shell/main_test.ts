import { assertEquals, assertStringIncludes } from "@std/assert";

const root = new URL("../../", import.meta.url);

/** Runs a script of the checkout, with the same packages as these tests. */
async function runScript(script: string, words: readonly string[], configuration: readonly string[] = []) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-qA", ...configuration, script, ...words],
    cwd: root,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function balsa(...words: string[]) {
  const { stdout } = await runScript("without_jsr/config.ts", []);
  return await runScript("shell/main.ts", words, stdout.trim().split(/\s+/).filter((word) => word !== ""));
}

Deno.test("the process exits with 2 and keeps standard output clean after a mistake", async () => {
  const { code, stdout, stderr } = await balsa("get", "k", "--servers", "nowhere");
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
  assertEquals(
    stderr,
    'balsa: Cannot read --servers "nowhere": "nowhere" has no port; ' +
      "write HOST:PORT,HOST:PORT,…, such as 127.0.0.1:7001,127.0.0.1:7002\nSee: balsa get --help\n",
  );
});

Deno.test("--help lists every command and exits with 0", async () => {
  const { code, stdout, stderr } = await balsa("--help");
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  for (const name of ["start", "demo", "node", "shell", "get", "put", "append", "status"]) {
    assertStringIncludes(stdout, `\n  ${name} `);
  }
});

Deno.test("completions are made for bash", async () => {
  const { code, stdout } = await balsa("completions", "bash");
  assertEquals(code, 0);
  assertStringIncludes(stdout, "complete -F _balsa");
});
