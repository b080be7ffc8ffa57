/**
 * `balsa mapreduce`, as it is typed.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CoordinatorClient, CoordinatorServer, jobFromModule } from "../../mapreduce/mod.ts";
import * as wordCount from "../../mapreduce/samples/word_count.ts";
import { freePorts } from "../e2e/free_ports.ts";
import { until } from "../e2e/until.ts";
import { JobDirectory, sequentialLines } from "./job_runs.ts";

const root = new URL("../../", import.meta.url);
const wordCountPath = "mapreduce/samples/word_count.ts";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `deno task mapreduce` with these words to its end. */
async function mapreduce(...words: string[]): Promise<Ended> {
  const args = ["task", "--quiet", "mapreduce", ...words];
  const output = await new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } }).output();
  const decoder = new TextDecoder();
  return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
}

Deno.test("mapreduce command: the README's line leaves the output, and a second one refuses to touch it", async () => {
  await using directory = await JobDirectory.create();
  const books = await directory.writeBooks(3, 500);
  const words = ["run", "--job", wordCountPath, "--input", `${directory.path}/books/*.txt`, "--reduces", "3"];
  const first = await mapreduce(...words, "--workers", "2", "--output", directory.output);
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stdout, /out: map 3\/3, reduce 3\/3, [\d.]+ s\n$/);
  assertStringIncludes(first.stderr, "map 100%, reduce 100%");
  const expected = await sequentialLines(jobFromModule(wordCount, "wc"), books);
  assertEquals(await directory.outputLines(), expected);
  const second = await mapreduce(...words, "--output", directory.output);
  assertEquals([second.code, second.stdout], [1, ""]);
  assertStringIncludes(second.stderr, "the directory is not empty");
  assertEquals(await directory.outputLines(), expected);
});

Deno.test("mapreduce command: coordinators, a worker and a job, each on its own; status shows them", async () => {
  await using directory = await JobDirectory.create();
  const books = await directory.writeBooks(3, 500);
  await using server = await CoordinatorServer.start({
    ...{ id: "c1", listen: "127.0.0.1:0", peers: { c1: "127.0.0.1:0" }, clusterId: "balsa-mapreduce" },
    dataDir: `${directory.path}/c1`,
  });
  const servers = ["--servers", server.address];
  assertEquals((await mapreduce("status", ...servers)).stdout, "no jobs\n");
  const input = `${directory.path}/books/*.txt`;
  const running = mapreduce("run", "--job", wordCountPath, "--input", input, "--output", directory.output, ...servers);
  using client = new CoordinatorClient([server.address]);
  await until("the job", async () => (await client.status()).jobs.length === 1);
  const samples = new URL("mapreduce/samples/", root).pathname;
  const access = ["--read", directory.path, "--read", samples, "--write", directory.path];
  const worker = await mapreduce("worker", ...servers, ...access, "--exit-when-idle");
  assertEquals(worker.code, 0, worker.stderr);
  const run = await running;
  assertEquals(run.code, 0, run.stderr);
  assertEquals(await directory.outputLines(), await sequentialLines(jobFromModule(wordCount, "wc"), books));
  const status = await mapreduce("status", ...servers);
  assertMatch(
    status.stdout,
    /^job-\w+: done, map 3\/3, reduce 10\/10, 14 attempts, 0 lost, 0 failed\nworker .* 14 tasks/,
  );
  const { jobs } = JSON.parse((await mapreduce("status", "--json", ...servers)).stdout);
  assertEquals([jobs[0].phase, jobs[0].mapsDone], ["done", 3]);
});

Deno.test("mapreduce command: what cannot be done is said, with an exit code that is not zero", async () => {
  await using directory = await JobDirectory.create();
  await directory.writeBooks(1, 10);
  const [port = 0] = freePorts(1);
  const dead = ["--servers", `127.0.0.1:${port}`];
  const run = ["run", "--job", wordCountPath, "--output", directory.output];
  const access = ["--read", directory.path, "--write", directory.path];
  const books = ["--input", `${directory.path}/books/*.txt`];
  const cases: readonly [words: readonly string[], code: number, expected: string][] = [
    [[...run, "--input", "nothing/*.txt"], 1, 'no file matches "nothing/*.txt"'],
    [[...run, ...books, "--reduces", "0"], 2, "--reduces 0: it takes a whole number from 1 to 1024"],
    [[...run, ...books, "--parameter", "x"], 1, "write NAME=VALUE"],
    [["worker", ...dead, ...access, "--give-up", "1"], 1, "Cannot reach a coordinator that leads"],
    [["worker", ...dead], 2, "name the directories"],
    [["status", ...dead, "--timeout", "500"], 1, `127.0.0.1:${port}`],
    [[], 2, "say run, coordinator, worker or status"],
  ];
  const ended = await Promise.all(cases.map(([words]) => mapreduce(...words)));
  for (const [index, [words, code, expected]] of cases.entries()) {
    const { code: actual, stderr } = ended[index] ?? { code: -1, stderr: "" };
    assertEquals(actual, code, `${words.join(" ")}: ${stderr}`);
    assertStringIncludes(stderr, expected);
  }
  assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["books"]);
});
