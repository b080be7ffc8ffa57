/**
 * Whole jobs: coordinators and workers as processes, from input files to output directory.
 */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { JobError, jobFromModule, maxInputBytes } from "../../mapreduce/mod.ts";
import * as grep from "../../mapreduce/samples/grep.ts";
import * as invertedIndex from "../../mapreduce/samples/inverted_index.ts";
import * as topK from "../../mapreduce/samples/top_k.ts";
import * as wordCount from "../../mapreduce/samples/word_count.ts";
import { LocalJob } from "../../shell/mapreduce/local_job.ts";
import { JobDirectory, moduleOf, runJob, sequentialLines } from "./job_runs.ts";

const samples = [
  { name: "word_count", module: wordCount, parameters: {}, reduces: 10 },
  { name: "inverted_index", module: invertedIndex, parameters: {}, reduces: 3 },
  { name: "grep", module: grep, parameters: { pattern: "^a+e\\b" }, reduces: 2 },
  { name: "top_k", module: topK, parameters: { k: "5" }, reduces: 1 },
] as const;

for (const { name, module, parameters, reduces } of samples) {
  Deno.test(`mapreduce: the sample ${name} gives what it gives in one process`, async () => {
    await using directory = await JobDirectory.create();
    const books = await directory.writeBooks(5, 3000);
    const status = await runJob(
      directory.options(moduleOf(`../../mapreduce/samples/${name}.ts`), {
        ...{ reduces, parameters: Object.entries(parameters) },
      }),
    );
    assertEquals([status.mapsDone, status.reducesDone, status.repeated], [5, reduces, 0]);
    const lines = await directory.outputLines();
    assertEquals(lines, await sequentialLines(jobFromModule(module, name), books, parameters));
    assertEquals(lines.length > 0, true);
    const left = [...Deno.readDirSync(directory.path)].map((entry) => entry.name).sort();
    assertEquals(left, ["books", "out"]);
  });
}

Deno.test("mapreduce: a map task that does not fit its buffer spills, and the output is the same", async () => {
  await using directory = await JobDirectory.create();
  const books = await directory.writeBooks(2, 60_000);
  await runJob(directory.options(moduleOf("../../mapreduce/samples/word_count.ts"), { bufferBytes: 50_000 }));
  const expected = await sequentialLines(jobFromModule(wordCount, "word_count"), books);
  assertEquals(await directory.outputLines(), expected);
});

/** Runs a job that must not succeed, and returns why it has not. Nothing may be left of it. */
async function failureOf(directory: JobDirectory, source: string): Promise<string> {
  await directory.writeBooks(2, 50);
  await Deno.writeTextFile(`${directory.path}/job.ts`, source);
  const options = directory.options(`${directory.path}/job.ts`, { reduces: 2 });
  const { message } = await assertRejects(() => runJob(options), JobError);
  const left = [...Deno.readDirSync(directory.path)].map((entry) => entry.name).sort();
  assertEquals(left, ["books", "job.ts"]);
  return message;
}

const fineMap = "export const map = (_name, text) => [{ key: 'a', value: text }];";
const fineReduce = "export const reduce = () => 'x';";

const badJobs: readonly [what: string, source: string, ...expected: string[]][] = [
  ["without map", fineReduce, "it exports no function map"],
  ["without reduce", fineMap, "it exports no function reduce"],
  ["whose combine is no function", `${fineMap}${fineReduce} export const combine = 1;`, "combine is of type number"],
  ["that is no program", "export function map( {", "Cannot load the job"],
  [
    "whose map throws",
    // For one file alone: with two that fail, either may be the first to fail three times.
    `export function map(name) { if (name.endsWith("00.txt")) throw new Error("no luck"); return []; } ${fineReduce}`,
    ...["map task 0 (", "book-00.txt) has failed three times", "no luck", "job.ts:1:"],
  ],
  [
    "whose reduce throws",
    `${fineMap} export function reduce() { throw new Error("no luck"); }`,
    ...["has failed three times", "no luck"],
  ],
  ["whose map returns no pairs", `export const map = () => 7; ${fineReduce}`, "it is of type number"],
  ["whose pairs are not texts", `export const map = () => [{ key: 1, value: 2 }]; ${fineReduce}`, "both strings"],
  ["whose reduce returns a number", `${fineMap} export const reduce = () => 7;`, "it must return a string"],
  [
    "whose partition is out of range",
    `${fineMap}${fineReduce} export const partition = () => 9;`,
    "an integer from 0 to 1",
  ],
  [
    "that reads what it may not",
    `export const map = () => Deno.readTextFileSync("/etc/passwd"); ${fineReduce}`,
    "NotCapable",
  ],
];

for (const [what, source, ...expected] of badJobs) {
  Deno.test(`mapreduce: a job ${what} fails with its reason and leaves nothing`, async () => {
    await using directory = await JobDirectory.create();
    const message = await failureOf(directory, source);
    for (const part of expected) assertStringIncludes(message, part);
  });
}

Deno.test("mapreduce: what cannot be run is refused before anything is started", async () => {
  await using directory = await JobDirectory.create();
  await directory.writeBooks(1, 10);
  const module = moduleOf("../../mapreduce/samples/word_count.ts");
  const refused = async (expected: string, changes: Parameters<JobDirectory["options"]>[1]): Promise<void> => {
    const start = () => LocalJob.start(directory.options(module, changes));
    assertStringIncludes((await assertRejects(start, JobError)).message, expected);
  };
  await refused("no file matches", { inputs: [`${directory.path}/nothing/*`] });
  await refused(`matches no file, only ${directory.path}/books; for the files in`, {
    inputs: [`${directory.path}/books`],
  });
  await Deno.writeTextFile(`${directory.path}/huge`, "");
  await Deno.truncate(`${directory.path}/huge`, maxInputBytes + 1); // It has no data, and takes no room.
  await refused("split it into several files", { inputs: [`${directory.path}/huge`] });
  await refused("there is no such file", { module: `${directory.path}/nothing.ts` });
  await Deno.mkdir(`${directory.output}.working`);
  await refused("another run is under way", {});
  await Deno.mkdir(directory.output);
  await Deno.writeTextFile(`${directory.output}/mr-out-0`, "");
  await refused("is not empty", {});
});
