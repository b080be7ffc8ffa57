import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readLines, runBatch } from "../../shell/batch.ts";
import { runGet } from "../../shell/commands/calls.ts";
import { LineRunner } from "../../shell/line_runner.ts";
import { complete } from "../../shell/repl.ts";
import { fakeContext } from "./fakes.ts";

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks.map((chunk) => new TextEncoder().encode(chunk)));
}

Deno.test("a batch prints results only", async () => {
  const { context, output } = fakeContext();
  const exitCode = await runBatch(context, streamOf("put color blue\nappend color -green\nget color\nget missing\n"));
  assertEquals(exitCode, 0);
  assertEquals(output.results, ["blue-green", ""]);
  assertEquals(output.notes, []);
});

Deno.test("a get asks for the consistency that it was given, and for a linearizable answer unless it was", async () => {
  const { context, store } = fakeContext();
  const asked: unknown[] = [];
  store.get = (_key, options) => {
    asked.push(options?.consistency);
    return Promise.resolve("");
  };
  await runGet(context, "color");
  await runGet(context, "color", "lease");
  assertEquals(asked, ["linearizable", "lease"]);
  const runner = new LineRunner(context);
  for (const line of ["get color", "get color --consistency stale", "get --key --consistency=lease"]) {
    assertEquals(await runner.run(line), 0, line);
  }
  assertEquals(asked.slice(2), ["linearizable", "stale", "lease"]);
});

Deno.test("a batch goes on after an error, names the line and fails in the end", async () => {
  const { context, output } = fakeContext();
  const exitCode = await runBatch(context, streamOf("put a 1\nget broken\nfrobnicate\n\nget a"));
  assertEquals(exitCode, 1);
  assertEquals(output.results, ["1"]);
  assertEquals(output.notes.length, 2);
  assertEquals(output.notes[0], "line 2: Cannot reach the key: it is broken");
  assertStringIncludes(output.notes[1] ?? "", 'line 3: Unknown command "frobnicate"');
});

Deno.test("a batch ends at exit", async () => {
  const { context, output } = fakeContext();
  assertEquals(await runBatch(context, streamOf("get a\nexit\nget b\n")), 0);
  assertEquals(output.results.length, 1);
});

Deno.test("a batch prints values as they are, control characters too", async () => {
  const { context, output } = fakeContext();
  await runBatch(context, streamOf("put a \x1b[31m\nget a\n"));
  assertEquals(output.results, ["\x1b[31m"]);
});

Deno.test("readLines joins lines and characters that were cut in two", async () => {
  const bytes = new TextEncoder().encode("grün\r\nblau\n\nrot");
  const cut = bytes.indexOf(0xc3) + 1;
  const lines = [];
  for await (const line of readLines(ReadableStream.from([bytes.slice(0, cut), bytes.slice(cut)]))) lines.push(line);
  assertEquals(lines, ["grün", "blau", "", "rot"]);
});

Deno.test("on a terminal writes are confirmed and values are harmless", async () => {
  const { context, output } = fakeContext({ isTerminal: true });
  const runner = new LineRunner(context);
  assertEquals(await runner.run("put a \x1b[2J"), 0);
  assertEquals(await runner.run("get a"), 0);
  assertEquals(output.results, ["ok", "\\x1b[2J"]);
});

const mistakes: readonly (readonly [line: string, ...complaints: string[]])[] = [
  ["frobnicate", 'Unknown command "frobnicate"', "type help"],
  ["get", "key", "usage: get <key>"],
  ["get a b", "Too many arguments: b"],
  ["get a --consistency fresh", "Cannot read with --consistency fresh: there are linearizable, lease and stale"],
  ["get a --consistncy stale", "--consistncy"],
  ["put a", "value", "usage: put <key> <value>"],
  ["put a b c", "Too many arguments: c", 'put greeting "hello world"'],
  ['put "a', "column 5"],
  ["time maybe", 'Cannot set time to "maybe"', "time on"],
  ["help frobnicate", 'no command "frobnicate"'],
  ["status --jsno", "--jsno"],
];

for (const [line, ...complaints] of mistakes) {
  Deno.test(`${JSON.stringify(line)} is explained and ends nothing`, async () => {
    const { context, output } = fakeContext();
    const runner = new LineRunner(context);
    assert(await runner.run(line) !== 0);
    for (const complaint of complaints) assertStringIncludes(output.notes.join("\n"), complaint);
    assert(!output.notes.join("\n").includes("\0"));
    assert(!output.notes.join("\n").includes("    at "), "an expected error shows no stack trace");
    assertEquals(output.results, []);
    assertEquals(await runner.run("get still-alive"), 0);
    assertEquals(output.results, [""]);
  });
}

Deno.test("keys and values may look like options or be empty", async () => {
  const { context, store } = fakeContext();
  const runner = new LineRunner(context);
  for (const line of ["put -k --v", "put -- -h", 'put "" ""', "put --help x", "append -k -5"]) {
    assertEquals(await runner.run(line), 0, line);
  }
  assertEquals([...store.values], [["-k", "--v-5"], ["--", "-h"], ["", ""], ["--help", "x"]]);
});

Deno.test("aborting the signal gives up the call in flight and says that a write may still take effect", async () => {
  const { context, output } = fakeContext();
  const abort = new AbortController();
  context.signal = abort.signal;
  const running = new LineRunner(context).run("put stuck x");
  abort.abort();
  assertEquals(await running, 1);
  assertEquals(output.notes, ["Interrupted; the put may still take effect"]);
});

Deno.test("a call that outlasts the timeout says so and what it waited for", async () => {
  const { context, output } = fakeContext({ timeoutMs: 5 });
  context.waiting.show({ kind: "silence", text: "Waiting for a server" }, 1000);
  assertEquals(await new LineRunner(context).run("get stuck"), 1);
  assertStringIncludes(
    output.notes.at(-1) ?? "",
    'Cannot get "stuck": no answer within 5 ms (Waiting for a server)',
  );
});

Deno.test("time on shows how long a call takes, apart from the results", async () => {
  const { context, output } = fakeContext();
  const runner = new LineRunner(context);
  await runner.run("time on");
  await runner.run("get a");
  assertEquals(output.results, [""]);
  assert(/^\d+\.\d+ ms$/.test(output.notes.join("")), output.notes.join());
  await runner.run("time off");
  await runner.run("get a");
  assertEquals(output.notes.length, 1);
});

Deno.test("status and leader", async () => {
  const { context, output } = fakeContext();
  const runner = new LineRunner(context);
  assertEquals(await runner.run("leader"), 0);
  assertEquals(output.results, ["n1 at 127.0.0.1:7001, term 3"]);
  assertEquals(await runner.run("status --json"), 0);
  assertEquals(JSON.parse(output.results[1] ?? "")[1], {
    kind: "down",
    address: "127.0.0.1:7002",
    reason: "connection refused",
  });
});

Deno.test("status and leader fail when nobody answers", async () => {
  const { context } = fakeContext({ reports: [{ kind: "down", address: "a:1", reason: "connection refused" }] });
  const runner = new LineRunner(context);
  assertEquals(await runner.run("leader"), 1);
  assertEquals(await runner.run("status"), 1);
});

Deno.test("help lists every command, or one", async () => {
  const { context, output } = fakeContext();
  const runner = new LineRunner(context);
  await runner.run("help");
  for (const name of ["get", "put", "append", "status", "leader", "time", "clear", "help", "exit"]) {
    assertStringIncludes(output.results.join("\n"), `\n${name}`);
  }
  await runner.run("put --help");
  assertStringIncludes(output.results.at(-1) ?? "", "put <key> <value>");
});

Deno.test("completion offers commands, keys used before and settings", () => {
  assertEquals(complete("pu", []), [["put "], "pu"]);
  assertEquals(complete("", [])[0].length, 19);
  assertEquals(complete("get co", ["color", "count", "name", "co lor"]), [["color ", "count "], "co"]);
  assertEquals(complete("time o", []), [["off ", "on "], "o"]);
  assertEquals(complete("put color b", ["blue"]), [[], "b"]);
});
