/**
 * Sorted runs: what is written is read, damage is noticed, and merging keeps every order it should.
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { realClock } from "../../raft/mod.ts";
import { JobError, MissingRunError } from "../../mapreduce/errors.ts";
import { maxMergeFiles } from "../../mapreduce/limits.ts";
import { fewerRuns, mergeRuns } from "../../mapreduce/merge.ts";
import { Progress } from "../../mapreduce/progress.ts";
import { RunReader, RunWriter } from "../../mapreduce/run_file.ts";
import { JobDirectory } from "./job_runs.ts";

type Pairs = readonly (readonly [key: string, values: readonly string[]])[];

function write(path: string, pairs: Pairs): void {
  using writer = new RunWriter(path);
  for (const [key, values] of pairs) writer.add(key, values);
  writer.finish();
}

/** All pairs, one value each. */
function read(path: string): string[] {
  using reader = new RunReader(path);
  const pairs: string[] = [];
  while (reader.advance()) for (const value of reader.values) pairs.push(`${reader.key}=${value}`);
  return pairs;
}

function flat(pairs: Pairs): string[] {
  return pairs.flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
}

const cases: readonly [what: string, pairs: Pairs][] = [
  ["nothing", []],
  ["an empty key and an empty value", [["", [""]]]],
  ["texts beyond ASCII, line feeds and byte order marks", [["a\n\t", ["\ufeffß", "😀", "\0"]], ["日本", ["語"]]]],
  ["many values of one key", [["k", Array.from({ length: 50_000 }, (_, index) => String(index))]]],
  ["values larger than a block", [["a", ["x".repeat(200_000)]], ["b", ["y", "z".repeat(300_000)]]]],
  ["many keys", Array.from({ length: 30_000 }, (_, index) => [String(index).padStart(6, "0"), ["1"]] as const)],
];

for (const [what, pairs] of cases) {
  Deno.test(`runs: ${what} come back as they were`, async () => {
    await using directory = await JobDirectory.create();
    const path = `${directory.path}/run`;
    write(path, pairs);
    assertEquals(read(path), flat(pairs));
  });
}

Deno.test("runs: half a surrogate pair is refused", async () => {
  await using directory = await JobDirectory.create();
  assertThrows(() => write(`${directory.path}/run`, [["a", ["\ud800"]]]), JobError, "no valid Unicode");
});

Deno.test("runs: a file cut short anywhere, or with any byte changed, is not taken for whole", async () => {
  await using directory = await JobDirectory.create();
  const path = `${directory.path}/run`;
  write(path, [["apple", ["1", "2"]], ["pear", ["3"]]]);
  const bytes = await Deno.readFile(path);
  for (let length = 0; length < bytes.length; length++) {
    await Deno.writeFile(path, bytes.subarray(0, length));
    assertThrows(() => read(path), MissingRunError);
  }
  for (let position = 0; position < bytes.length; position++) {
    const changed = bytes.slice();
    changed[position] = (changed[position] ?? 0) ^ 0x11;
    await Deno.writeFile(path, changed);
    assertThrows(() => read(path), MissingRunError);
  }
  await Deno.remove(path);
  assertThrows(() => read(path), MissingRunError);
});

Deno.test("runs: a merge has all pairs by key, and equal keys in the order of the runs", async () => {
  await using directory = await JobDirectory.create();
  const count = 2 * maxMergeFiles + 3;
  const expected: [key: string, run: number, value: string][] = [];
  const paths = Array.from({ length: count }, (_, run) => {
    const keys = Array.from({ length: 40 }, (_, index) => `k${(index * 7 + run * 3) % 50}`);
    const pairs = [...new Set(keys)].sort().map((key) => [key, [`${run}a`, `${run}b`]] as const);
    for (const [key, values] of pairs) for (const value of values) expected.push([key, run, value]);
    const path = `${directory.path}/run-${run}`;
    write(path, pairs);
    return path;
  });
  expected.sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] - b[1]);
  const expectedPairs = expected.map(([key, , value]) => `${key}=${value}`);
  const progress = new Progress(realClock, new AbortController().signal);
  const few = await fewerRuns(paths, directory.path, progress);
  assertEquals(few.length, 3);
  for (const merged of [mergeRuns(paths), mergeRuns(few)]) {
    const pairs: string[] = [];
    for (const { key, values } of merged) for (const value of values) pairs.push(`${key}=${value}`);
    assertEquals(pairs, expectedPairs);
  }
});

Deno.test("runs: a merge that is ended lets its task end at the next pause", async () => {
  const end = new AbortController();
  const progress = new Progress(realClock, end.signal);
  end.abort(new Error("enough"));
  await assertRejects(() => progress.pause(), Error, "enough");
});
