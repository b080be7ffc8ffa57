import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { KvServer, KvStateMachine } from "../../kv/mod.ts";
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

Deno.test("import shows a bar to people, by the bytes of the file", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const { context, output } = fakeContext({ isTerminal: true, clerk });
  const file = await Deno.makeTempFile();
  try {
    const lines = Array.from({ length: 2500 }, (_, n) => JSON.stringify({ key: `k${n}`, value: "x".repeat(50) }));
    await Deno.writeTextFile(file, lines.join("\n"));
    assertEquals(await new LineRunner(context).run(`import ${file}`), 0);
    assert(output.controls.some((text) => /\[#+\.*\] \d+ keys imported$/.test(text)), output.controls.join("|"));
    assertEquals([output.controls.at(-1), output.notes], ["\r\x1b[K", ["2500 keys imported"]]);
    assertEquals(await clerk.count(), 2500);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("watch prints what happens: lines, JSON Lines, or text for people, until its limit or Ctrl-C", async () => {
  await using cluster = await FakeCluster.start(1);
  await using clerk = cluster.clerk();
  const run = async (line: string, isTerminal = false): Promise<{ code: number; results: string[]; notes: string }> => {
    const { context, output } = fakeContext({ isTerminal, clerk });
    const code = await new LineRunner(context).run(line);
    return { code, results: output.results, notes: output.notes.join("\n") };
  };
  await clerk.put("a/1", "x y");
  await clerk.delete("a/1");
  await clerk.put("a/2", new Uint8Array([1]));
  assertEquals((await run("watch --prefix a/ --from 1 --limit 3")).results, [
    "put\ta/1\tx y",
    "delete\ta/1",
    "put\ta/2\t0x01",
  ]);
  assertEquals((await run("watch --prefix a/ --from 1 --limit 3 --json")).results, [
    '{"kind":"put","index":2,"key":"a/1","version":1,"value":"x y"}',
    '{"kind":"delete","index":3,"key":"a/1"}',
    '{"kind":"put","index":4,"key":"a/2","version":1,"bytes":"01"}',
  ]);
  assertEquals((await run("watch a/1 --from 1 --limit 2", true)).results, ["2 a/1 = x y (version 1)", "3 a/1 deleted"]);
  assertEquals((await run("watch --prefix a/ --snapshot --limit 1")).results, ["snapshot\t4", "is\ta/2\t0x01"]);
  assertEquals((await run("watch --prefix a/ --snapshot --limit 1", true)).results, [
    "4 1 key:",
    "  a/2 = 0x01 (version 1)",
  ]);
  assertEquals((await run("watch --prefix b --snapshot --limit 1 --json")).results, [
    '{"kind":"snapshot","index":4,"entries":[]}',
  ]);

  const { context, output } = fakeContext({ clerk });
  const interrupt = new AbortController();
  context.signal = interrupt.signal;
  const watching = new LineRunner(context).run("watch k");
  await cluster.clock.advance(100);
  await clerk.put("k", "v");
  await cluster.clock.advance(100);
  assertEquals(output.results, ["put\tk\tv"]);
  interrupt.abort();
  assertEquals([await watching, output.notes, context.callsInFlight], [0, [], 0], "Ctrl-C is its proper end");

  assertEquals((await run("watch --from 1 --limit 1")).results, ["put\ta/1\tx y"], "without a key, all of them");
  const both = await run("watch k --prefix k");
  assertEquals(both.code, 2);
  assertStringIncludes(both.notes, "give a key, or --prefix");
  assertStringIncludes((await run("watch k --from 0")).notes, "from 1 on");
  cluster.machine = new KvStateMachine({ maxEvents: 2 });
  for (let n = 0; n < 5; n++) await clerk.put("k", String(n));
  const compacted = await run("watch k --from 1");
  assertEquals(compacted.code, 1);
  assertStringIncludes(compacted.notes, "Cannot watch from index 1: what happened then is forgotten; watch from");
});

Deno.test("lease grants, puts, keeps alive, shows, lists and revokes", async () => {
  for (const isTerminal of [false, true]) {
    await withLines(isTerminal, async (run) => {
      const [lease = ""] = (await run("lease grant 60000")).results;
      const said = async (line: string): Promise<string[]> => (await run(line)).results;
      const ok = isTerminal ? ["ok"] : [];
      assertEquals(await said(`lease put ${lease} job "to do"`), ok);
      assertEquals(await said(`lease keep-alive ${lease}`), ok);
      assertEquals(await said(`lease put ${lease} other -17 --json`), [`{"lease":${lease},"ok":true}`]);
      assertEquals(await said("incr other"), ["-16"]);
      assertEquals(await said(`lease ttl ${lease}`), [
        isTerminal ? `Lease ${lease} lasts 60000 of 60000 ms and has 2 keys` : "60000",
      ]);
      const json = `{"lease":${lease},"remainingMs":60000,"ttlMs":60000,"keys":2}`;
      assertEquals([await said(`lease ttl --json ${lease}`), await said("lease list --json")], [[json], [json]]);
      const [table = ""] = await said("lease list");
      if (isTerminal) assertStringIncludes(table.replaceAll(/ +/g, " "), `${lease} 60000 60000 2`);
      else assertEquals(table, `${lease}\t60000\t60000\t2`);
      assertEquals(
        await said(`txn '{"then":[{"kind":"put","key":"third","value":"x","lease":${lease}}]}'`),
        ["then"],
      );
      assertEquals(await said(`lease revoke ${lease} --json`), [`{"lease":${lease},"deleted":3}`]);
      assertEquals(await said("scan --count --prefix job"), ["0"]);
      for (const line of [`lease ttl ${lease}`, `lease revoke ${lease}`, `lease keep-alive 7`, "lease put 7 a b"]) {
        const { code, notes } = await run(line);
        assertEquals(code, 1, line);
        assertStringIncludes(notes, "here is no", line);
      }
      const wrong = ["lease", "lease fly", "lease ttl", "lease ttl x", "lease grant", "lease put 7 a", "lease list 7"];
      for (const line of wrong) assertEquals((await run(line)).code, 2, line);
      assertStringIncludes((await run("lease grant 5")).notes, "ttlMs is 5; use a whole number from 100");
    });
  }
});

Deno.test("watch and lease say that a sharded store has none", async () => {
  const { context, output } = fakeContext();
  for (const line of ["watch k", "lease list", "lease grant 500"]) {
    assertEquals(await new LineRunner(context).run(line), 1);
    assertStringIncludes(output.notes.pop() ?? "", "A sharded store has neither watches nor leases yet");
  }
});
