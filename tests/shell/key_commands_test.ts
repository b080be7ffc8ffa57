import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KvServer } from "../../kv/mod.ts";
import { keyCommands } from "../../shell/key_commands.ts";
import { LineRunner } from "../../shell/line_runner.ts";
import { runProgram } from "../../shell/program.ts";
import { FakeCluster } from "../kv/fake_cluster.ts";
import { fakeContext, RecordedOutput } from "./fakes.ts";

/** Runs lines of a REPL; each gives its exit code and what it printed. */
async function withLines(
  isTerminal: boolean,
  body: (run: (line: string) => Promise<{ code: number; results: string[]; notes: string }>) => Promise<void>,
): Promise<void> {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const { context, output } = fakeContext({ isTerminal, clerk });
  const runner = new LineRunner(context);
  await clerk.put("color", "blue");
  await clerk.put("count", "5");
  await clerk.put("bytes", new Uint8Array([0, 255]));
  await body(async (line) => {
    output.results.length = output.notes.length = 0;
    const code = await runner.run(line);
    return { code, results: [...output.results], notes: output.notes.join("\n") };
  });
}

Deno.test("cas replaces what is as expected, and fails otherwise", async () => {
  await withLines(false, async (run) => {
    const done = { code: 0, results: [], notes: "" };
    assertEquals(await run("cas color blue -green"), done);
    assertEquals((await run("cas color blue red")).code, 1);
    assertStringIncludes((await run("cas color blue red")).notes, 'Not replaced: "color" is not as expected');
    assertEquals(await run("cas color -green red"), done);
    assertEquals(await run("cas --absent new 1"), done);
    assertEquals((await run("cas --absent new 2")).code, 1);
    assertEquals(await run("cas --version 1 new 2"), done);
    assertEquals((await run("cas --version 1 new 3")).code, 1);
    assertEquals(await run('cas --json color red ""'), { ...done, results: ['{"key":"color","ok":true}'] });
    const refused = await run("cas --json color red x");
    assertEquals([refused.code, refused.results], [1, ['{"key":"color","ok":false}']]);
    assertEquals((await run("scan --prefix c")).results, ["color\t", "count\t5"]);
  });
});

Deno.test("del deletes a key, or all with a prefix", async () => {
  await withLines(true, async (run) => {
    assertEquals((await run("del color")).results, ["1 key deleted"]);
    assertEquals((await run("del color")).results, ["0 keys deleted"]);
    assertEquals((await run("del --json --prefix c")).results, ['{"deleted":1}']);
    assertEquals((await run("scan --count")).results, ["1"]);
  });
});

Deno.test("incr prints the sum", async () => {
  await withLines(false, async (run) => {
    assertEquals((await run("incr count")).results, ["6"]);
    assertEquals((await run("incr count -10")).results, ["-4"]);
    assertEquals((await run("incr --json new 3")).results, ['{"key":"new","value":3}']);
    const refused = await run("incr color");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.notes, 'Cannot increment "color": its value is not a whole number');
  });
});

Deno.test("scan prints lines for programs, JSON Lines if asked, and a table for people", async () => {
  await withLines(false, async (run) => {
    assertEquals((await run("scan")).results, ["bytes\t0x00ff", "color\tblue", "count\t5"]);
    assertEquals((await run("scan --from color --to count --json")).results, [
      '{"key":"color","value":"blue","version":1}',
    ]);
    assertEquals((await run("scan --prefix b --json")).results, ['{"key":"bytes","bytes":"00ff","version":1}']);
    assertEquals((await run("scan --keys --reverse")).results, ["count", "color", "bytes"]);
    const limited = await run("scan --limit 2 --keys");
    assertEquals(limited.results, ["bytes", "color"]);
    assertStringIncludes(limited.notes, "There are more");
    assertEquals((await run("scan --count --prefix co --json")).results, ['{"count":2}']);
    for (let n = 0; n < 30; n++) await run(`cas --absent many${n} x`);
    assertEquals((await run("scan --prefix many")).results.length, 30);
  });
  await withLines(true, async (run) => {
    assertEquals((await run("cas --absent new \x1b[2J")).code, 0);
    const [table] = (await run("scan")).results;
    assertEquals(table?.split("\n").map((line) => line.trimEnd()), [
      "key    version  value",
      "bytes        1  0x00ff",
      "color        1  blue",
      "count        1  5",
      "new          1  \\x1b[2J",
    ]);
    assertEquals((await run("scan --prefix nothing")).notes, "No keys");
  });
});

Deno.test("txn takes a transaction as JSON and prints its branch", async () => {
  await withLines(false, async (run) => {
    const line =
      `txn '{"compare":[{"key":"color","value":"blue"},{"key":"count","version":1},{"key":"x","absent":true}],` +
      `"then":[{"kind":"put","key":"color","value":"red"},{"kind":"increment","key":"count"}],` +
      `"else":[{"kind":"append","key":"log","value":"!"},{"kind":"delete","key":"count"}]}'`;
    assertEquals(await run(line), { code: 0, results: ["then"], notes: "" });
    assertEquals((await run("scan --from color")).results, ["color\tred", "count\t6"]);
    assertEquals((await run(line)).results, ["else"]);
    assertEquals((await run("scan --from color")).results, ["color\tred", "log\t!"]);
    assertEquals((await run("txn --json {}")).results, ['{"succeeded":true}']);
    const refused = await run(`txn '{"then":[{"kind":"increment","key":"color"}]}'`);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.notes, "operation 0: its value is not a whole number");
  });
});

const mistakes: readonly (readonly [line: string, ...complaints: string[]])[] = [
  ["cas color", "Missing argument"],
  ["cas color blue", "expected value and new value"],
  ["cas a b c d", "expected value and new value"],
  ["cas --absent --version 1 a b", "--absent and --version together"],
  ["cas --version -1 a b", "from 0 on"],
  ["del", "give a key, or --prefix"],
  ["del a --prefix b", "give a key, or --prefix"],
  ["incr a b", 'by "b"'],
  ["incr a 1.5", "whole number"],
  ["scan x", "x"],
  ["scan --limit 0", "from 1 on"],
  ["scan --frobnicate", "--frobnicate"],
  ["txn", "transaction"],
  ["txn {", "Cannot read the transaction"],
  ["txn []", "it is not an object"],
  [`txn '{"if":[]}'`, '"if" is not known'],
  [`txn '{"then":{}}'`, '"then" is not a list'],
  [`txn '{"then":[{"kind":"put","key":"a"}]}'`, 'put has no text "value"'],
  [`txn '{"then":[{"kind":"cut","key":"a"}]}'`, "put, append, delete or increment"],
  [`txn '{"compare":[{"key":"a"}]}'`, 'neither "value" nor "version"'],
  [`txn '{"compare":[{"key":"a","version":"1"}]}'`, '"version" is not a number'],
  ["lock", "name"],
  ["lock name", "lock NAME -- command"],
  ["lock --lease 5 name -- true", "from 100 on"],
];

for (const [line, ...complaints] of mistakes) {
  Deno.test(`${JSON.stringify(line)} is explained, with exit code 2, and ends nothing`, async () => {
    await withLines(false, async (run) => {
      const { code, results, notes } = await run(line);
      for (const complaint of complaints) assertStringIncludes(notes, complaint);
      assert(!notes.includes("\0") && !notes.includes("    at "), notes);
      assertEquals({ code, results }, { code: 2, results: [] });
      assertEquals((await run("scan --count")).results, ["3"]);
    });
  });
}

Deno.test("one-shot: every command beside the REPL, on a real server", async () => {
  const dataDir = await Deno.makeTempDir();
  await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
  const run = async (...words: string[]): Promise<{ code: number; results: string[]; notes: string }> => {
    const output = new RecordedOutput();
    const code = await runProgram([...words.slice(0, 1), "--servers", server.address, ...words.slice(1)], output);
    return { code, results: output.results, notes: output.notes.join("\n") };
  };
  assertEquals(await run("cas", "--absent", "k", "-1"), { code: 0, results: [], notes: "" });
  assertEquals((await run("incr", "k", "--timeout", "5000")).results, ["0"]);
  assertEquals((await run("scan", "--json")).results, ['{"key":"k","value":"0","version":2}']);
  assertEquals((await run("txn", '{"then":[{"kind":"delete","key":"k"}]}')).results, ["then"]);
  assertEquals((await run("del", "k", "--json")).results, ['{"deleted":0}']);
  const refused = await run("cas", "k", "a", "b");
  assertEquals([refused.code, refused.notes.startsWith("balsa: Not replaced")], [1, true]);
  assertEquals((await run("frobnicate")).code, 2);
  assertStringIncludes((await run("del")).notes, "See: balsa del --help");
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("lock runs a program under the lock, with its token, and passes its exit code on", async () => {
  const dataDir = await Deno.makeTempDir();
  await using server = await KvServer.start({ id: "n1", listen: "127.0.0.1:0", peers: { n1: "127.0.0.1:0" }, dataDir });
  const tokenFile = await Deno.makeTempFile();
  const run = async (code: string, ...options: string[]): Promise<{ code: number; notes: string }> => {
    const output = new RecordedOutput();
    const words = ["lock", "l", "--servers", server.address, ...options, "--", Deno.execPath(), "eval", code];
    return { code: await runProgram(words, output), notes: output.notes.join("\n") };
  };
  const program = `const path = ${JSON.stringify(tokenFile)};
    const before = Number(await Deno.readTextFile(path).catch(() => "0"));
    if (!(Number(Deno.env.get("BALSA_LOCK_TOKEN")) > before)) Deno.exit(4);
    await Deno.writeTextFile(path, Deno.env.get("BALSA_LOCK_TOKEN"));`;
  const both = await Promise.all([run(program), run(program)]);
  assertEquals(both, [{ code: 0, notes: "" }, { code: 0, notes: "" }]);
  const failed = await run("Deno.exit(3)");
  assertEquals(failed.code, 3);
  assertStringIncludes(failed.notes, "has ended with exit code 3");
  const output = new RecordedOutput();
  assertEquals(await runProgram(["lock", "l", "--servers", server.address, "--", "no-such-program"], output), 1);
  assertStringIncludes(output.notes.join(), 'Cannot run "no-such-program": there is no such program');
  // While another process has it, waiting ends with the timeout.
  const holding = run("setTimeout(() => {}, 3000)");
  for (let held = false; !held;) {
    const probe = await run("Deno.exit(0)", "--timeout", "400");
    held = probe.code === 1 && probe.notes.includes("no answer within 400 ms");
  }
  assertEquals((await holding).code, 0);
  await Deno.remove(tokenFile);
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("export and import bring keys from one cluster to another, texts and bytes", async () => {
  const path = await Deno.makeTempFile();
  await withLines(false, async (run) => {
    for (let n = 0; n < 1500; n++) await run(`incr many${n} ${n}`);
    const { results, code } = await run("export");
    assertEquals([results.length, code], [1503, 0]);
    assertEquals(results.slice(0, 2), ['{"key":"bytes","bytes":"00ff"}', '{"key":"color","value":"blue"}']);
    assertEquals((await run("export --prefix color")).results, ['{"key":"color","value":"blue"}']);
    await Deno.writeTextFile(path, [...results, "", '{"key":"color","value":"red","version":9}', ""].join("\n"));
    await run("del --prefix many");
    await run("del bytes");
    assertEquals(await run(`import ${path}`), { code: 0, results: [], notes: "1504 keys imported" });
    assertEquals((await run("scan --count")).results, ["1503"]);
    assertEquals((await run("scan --to count")).results, ["bytes\t0x00ff", "color\tred"], "the last line wins");
  });
  await withLines(false, async (run) => {
    const first = '{"key":"a","value":"1"}';
    for (const bad of ["{", "7", '{"key":"b"}', '{"key":"b","bytes":"0"}', '{"key":"b","value":"","bytes":""}']) {
      await Deno.writeTextFile(path, `${first}\n${bad}\n${first}\n`);
      const { code, notes } = await run(`import ${path}`);
      assertEquals(code, 1);
      assertStringIncludes(notes, "1 key imported\nCannot import line 2");
    }
    await Deno.writeTextFile(path, `${first}\n{"key":"","value":"1"}\n`);
    assertStringIncludes((await run(`import ${path}`)).notes, "the key is empty");
    assertStringIncludes((await run("import")).notes, "give a file");
    assertStringIncludes((await run(`import ${path}.not`)).notes, "Cannot read");
  });
  await Deno.remove(path);
});

Deno.test("help and completion know the commands", async () => {
  await withLines(false, async (run) => {
    const help = (await run("help")).results.join("\n");
    for (const { name } of keyCommands) assertStringIncludes(help, `\n${name} `);
    assertStringIncludes((await run("lock --help")).results.join("\n"), "lock <name> -- <command>");
  });
});
