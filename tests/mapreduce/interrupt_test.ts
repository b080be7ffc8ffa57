/**
 * A run that is interrupted ends soon, whatever the job's code is at, and leaves neither output nor processes.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { readLines } from "../../shell/batch.ts";
import { until } from "../e2e/until.ts";
import { JobDirectory } from "./job_runs.ts";

const main = new URL("../../shell/main.ts", import.meta.url).href;
const root = new URL("../../", import.meta.url);

/** Processes that have the directory's name on their command line. */
function processesOf(directory: JobDirectory): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const line = Deno.readTextFileSync(`/proc/${name}/cmdline`).replaceAll("\0", " ");
      if (line.includes(directory.path)) found.push(`${name} ${line}`);
    } catch { /* It has ended meanwhile. */ }
  }
  return found;
}

/** Starts a run whose map function does this, and sends the signal once its tasks are under way. */
async function interrupted(directory: JobDirectory, body: string, signal: Deno.Signal) {
  await directory.writeBooks(2, 10);
  const job = `${directory.path}/job.ts`;
  // The file it leaves says that map has begun.
  const begun = `${directory.output}.working/begun`;
  await Deno.writeTextFile(
    job,
    `export async function map() { Deno.writeTextFileSync("${begun}", ""); ${body} } export const reduce = () => "x";`,
  );
  const config = new Deno.Command(Deno.execPath(), {
    args: ["run", "-qA", "without_jsr/config.ts", "shell"],
    cwd: root,
  });
  const options = new TextDecoder().decode((await config.output()).stdout).trim().split(" ").filter((word) =>
    word !== ""
  );
  const args = ["run", "--quiet", ...options, "-A", main, "mapreduce", "run", "--job", job];
  const process = new Deno.Command(Deno.execPath(), {
    args: [...args, "--input", `${directory.path}/books/*.txt`, "--output", directory.output],
    ...{ cwd: root, stdin: "null", stdout: "null", stderr: "piped", env: { NO_COLOR: "1" } },
  }).spawn();
  const lines: string[] = [];
  const told = (async () => {
    for await (const line of readLines(process.stderr)) lines.push(line);
  })();
  await until("a map task", () => Deno.stat(begun).then(() => true, () => false));
  process.kill(signal);
  const { code } = await process.status;
  await told;
  return { code, lastLine: lines.at(-1) ?? "" };
}

const cases = [
  { signal: "SIGINT", code: 130, what: "waits for ever", body: "await new Promise(() => {});" },
  { signal: "SIGTERM", code: 143, what: "holds the thread", body: "for (;;);" },
  { signal: "SIGHUP", code: 129, what: "waits for ever", body: "await new Promise(() => {});" },
] as const;

for (const { signal, code, what, body } of cases) {
  Deno.test(`interrupt: ${signal} while map ${what}`, async () => {
    await using directory = await JobDirectory.create();
    const ended = await interrupted(directory, body, signal);
    assertEquals(ended.code, code);
    assertStringIncludes(ended.lastLine, "Interrupted: no output was written");
    assertEquals([...Deno.readDirSync(directory.path)].map(({ name }) => name).sort(), ["books", "job.ts"]);
    if (Deno.build.os === "linux") assertEquals(processesOf(directory), []);
  });
}

Deno.test("interrupt: a run that is killed takes its processes with it, and leaves no output", async () => {
  await using directory = await JobDirectory.create();
  await interrupted(directory, "await new Promise(() => {});", "SIGKILL");
  if (Deno.build.os === "linux") await until("the end of its processes", () => processesOf(directory).length === 0);
  const left = [...Deno.readDirSync(directory.path)].map(({ name }) => name).sort();
  assertEquals(left, ["books", "job.ts", "out.working"]);
});
