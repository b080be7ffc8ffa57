import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram } from "../../shell/program.ts";
import { RecordedOutput } from "./fakes.ts";

async function run(...words: string[]): Promise<{ exitCode: number; results: string; notes: string }> {
  const output = new RecordedOutput();
  const exitCode = await runProgram(words, output);
  return { exitCode, results: output.results.join("\n"), notes: output.notes.join("\n") };
}

const nodeWords = ["node", "--data", "./never-created"];

const mistakes: readonly (readonly [words: readonly string[], ...complaints: string[]])[] = [
  [["frobnicate"], 'Unknown command "frobnicate"', "See: balsa --help"],
  [["get", "k", "--frobnicate", "--servers", "a:1"], "--frobnicate", "See: balsa get --help"],
  [["get", "k"], "--servers is missing"],
  [["get", "--servers", "a:1"], "key"],
  [["put", "k", "--servers", "a:1"], "value"],
  [["put", "k", "v", "-w", "--servers", "a:1"], "-w"],
  [["put", "k", "v", "-word", "--servers", "a:1"], "Too many arguments: -word"],
  [["get", "k", "--servers"], "Missing value"],
  [["get", "k", "--servers", ""], "--servers"],
  [["get", "k", "--servers", "a:1,b"], '"b" has no port'],
  [["get", "k", "--servers", "a:1", "--timeout", "soon"], "soon"],
  [["get", "k", "--servers", "a:1", "--timeout", "0"], "--timeout takes whole milliseconds from 1"],
  [
    ["get", "k", "--servers", "a:1", "--consistency", "fresh"],
    "--consistency fresh: there are linearizable, lease and",
  ],
  [["status", "--servers", "::1:7001"], "between brackets"],
  [["shell"], "--servers is missing"],
  [["start", "--port", "70000"], "--port takes 1 to 65535"],
  [["start", "now"], "No arguments allowed"],
  [nodeWords, "Missing required option"],
  [[...nodeWords, "--id", "n9", "--listen", "127.0.0.1:1", "--peers", "n1=a:1,n2=b:2"], "add n9=HOST:PORT"],
  [[...nodeWords, "--id", "n1", "--listen", "127.0.0.1", "--peers", "n1=a:1"], '"127.0.0.1" has no port'],
  [[...nodeWords, "--id", "n1", "--listen", "127.0.0.1:1", "--peers", "n1=a:1,n2"], '"n2" has no id'],
  [
    [...nodeWords, "--id", "n1", "--listen", "0.0.0.0:7001", "--peers", "n1=a:1"],
    "Cannot listen on 0.0.0.0:7001",
    "no authentication",
    "--insecure",
  ],
];

for (const [words, ...complaints] of mistakes) {
  Deno.test(`balsa ${words.join(" ")} is refused with exit code 2`, async () => {
    const { exitCode, results, notes } = await run(...words);
    for (const complaint of complaints) assertStringIncludes(notes, complaint);
    assert(!notes.includes("\n    at "), "an expected error shows no stack trace");
    assertEquals({ exitCode, results }, { exitCode: 2, results: "" });
  });
}

Deno.test("nothing is left behind by a node that was refused", async () => {
  await run(...nodeWords, "--id", "n9", "--listen", "127.0.0.1:1", "--peers", "n1=a:1");
  let isThere = true;
  try {
    await Deno.stat("./never-created");
  } catch (error) {
    isThere = !(error instanceof Deno.errors.NotFound);
  }
  assertEquals(isThere, false);
});

Deno.test("--version prints the version in deno.json", async () => {
  const manifest = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  assertEquals(await run("--version"), { exitCode: 0, results: `balsa ${manifest.version}`, notes: "" });
});

Deno.test("status prints every server that cannot be reached, and fails", async () => {
  const { exitCode, results, notes } = await run("status", "--servers", "127.0.0.1:1", "--timeout", "2000", "--json");
  assertEquals(exitCode, 1);
  assertEquals(JSON.parse(results)[0].kind, "down");
  assertStringIncludes(notes, "no server answers");
});

Deno.test("get gives up after its timeout and says what it was waiting for", async () => {
  const { exitCode, results, notes } = await run("get", "k", "--servers", "127.0.0.1:1", "--timeout", "300");
  assertEquals({ exitCode, results }, { exitCode: 1, results: "" });
  assertStringIncludes(notes, 'Cannot get "k": no answer within 300 ms');
});
