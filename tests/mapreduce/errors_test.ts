/**
 * What is said about a job that throws: where in its own code, and nothing of how it was called.
 */
import { assertEquals } from "@std/assert";
import { errorText, JobError } from "../../mapreduce/errors.ts";

const own = new URL("../../mapreduce/", import.meta.url).href;

function withStack(...frames: string[]): Error {
  const error = new Error("no luck");
  error.stack = ["Error: no luck", ...frames.map((frame) => `    at ${frame}`)].join("\n");
  return error;
}

Deno.test("errors: a stack ends with the job's own code, also when that has called the runtime", () => {
  const jobFrames = ["Object.openSync (ext:deno_fs/30_fs.js:1:1)", "map (https://example.org/job.ts:3:7)"];
  const balsaFrames = [
    `runMapTask (${own}map_task.ts:38:33)`,
    "async Promise.all (index 0)",
    `work (${own}worker.ts:1:1)`,
  ];
  assertEquals(errorText(withStack(...jobFrames, ...balsaFrames)), withStack(...jobFrames).stack);
});

Deno.test("errors: a sample is a job, although it is Balsa's", () => {
  const job = `map (${own}samples/grep.ts:12:50)`;
  assertEquals(errorText(withStack(job, `runMapTask (${own}map_task.ts:38:33)`)), withStack(job).stack);
});

Deno.test("errors: a fault of Balsa's own keeps its stack", () => {
  const error = withStack("Object.openSync (ext:deno_fs/30_fs.js:1:1)", `runMapTask (${own}map_task.ts:38:33)`);
  assertEquals(errorText(error), error.stack);
});

Deno.test("errors: what Balsa says against a job, and what is no error at all, is shown as it is", () => {
  assertEquals(errorText(new JobError("Cannot use what map returned")), "Cannot use what map returned");
  assertEquals(errorText("thrown text"), "thrown text");
});
