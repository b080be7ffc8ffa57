/**
 * Workers and coordinators in one process: dead clusters, damaged files, hanging code, hostile requests.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  CoordinatorClient,
  CoordinatorServer,
  CoordinatorUnreachableError,
  JobError,
  type JobSpec,
  runWorker,
} from "../../mapreduce/mod.ts";
import { type Clock, realClock } from "../../raft/mod.ts";
import { realPlatform } from "../../raft/open.ts";
import { RpcClient } from "../../raft/wire/rpc.ts";
import { freePorts } from "../e2e/free_ports.ts";
import { JobDirectory } from "./job_runs.ts";

const countingJob = `
  export const map = (_name, text) => text.split(/\\s+/).filter(Boolean).map((key) => ({ key, value: "1" }));
  export const reduce = (_key, values) => String([...values].length);
`;

/** A directory with a coordinator, a job and a client. */
class Site implements AsyncDisposable {
  private constructor(
    readonly directory: JobDirectory,
    readonly server: CoordinatorServer,
    readonly client: CoordinatorClient,
  ) {}

  static async open(): Promise<Site> {
    const directory = await JobDirectory.create();
    const server = await CoordinatorServer.start({
      ...{ id: "c1", listen: "127.0.0.1:0", peers: { c1: "127.0.0.1:0" } },
      dataDir: `${directory.path}/c1`,
    });
    return new Site(directory, server, new CoordinatorClient([server.address], { giveUpMs: 5000 }));
  }

  async submit(source: string, changes: Partial<JobSpec> = {}): Promise<void> {
    const { path } = this.directory;
    await Deno.writeTextFile(`${path}/job.ts`, source);
    const spec = {
      ...{ job: "j1", module: `file://${path}/job.ts`, inputDirectory: path, inputs: ["a.txt", "b.txt"], reduces: 2 },
      ...{ workDirectory: `${path}/work`, outputDirectory: `${path}/out`, parameters: [], leaseMs: 1000 },
      ...changes,
    };
    await Deno.writeTextFile(`${path}/a.txt`, "one two two");
    await Deno.writeTextFile(`${path}/b.txt`, "two three");
    assertEquals(await this.client.command({ kind: "submit", spec }), { kind: "submitted" });
  }

  /** A worker that ends when there is nothing to do. */
  work(worker: string, onEvent: (text: string) => void = () => {}): Promise<void> {
    return runWorker({ servers: [this.server.address], worker, exitWhenIdle: true, onEvent });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await this.server[Symbol.asyncDispose]();
    await this.directory[Symbol.asyncDispose]();
  }
}

const counts = ["one\t1", "three\t1", "two\t3"];

Deno.test("worker: one does a whole job", async () => {
  await using site = await Site.open();
  await site.submit(countingJob);
  await site.work("w1");
  assertEquals(await site.directory.outputLines(), counts);
});

Deno.test("worker: a map task's file that is gone, or damaged, is made again", async () => {
  for (const harm of ["gone", "damaged"]) {
    await using site = await Site.open();
    await site.submit(countingJob);
    let isHarmed = false;
    await site.work("w1", (text) => {
      if (isHarmed || !text.startsWith("map task 1") || !text.endsWith("complete")) return;
      isHarmed = true;
      const path = `${site.directory.path}/work/map-1.1/reduce-0`;
      if (harm === "gone") Deno.removeSync(path);
      else Deno.truncateSync(path, 5);
    });
    assert(isHarmed);
    assertEquals(await site.directory.outputLines(), counts);
    const { jobs: [status] } = await site.client.status("j1");
    assertEquals([status?.phase, status?.repeated, status?.failed], ["done", 2, 0]);
  }
});

Deno.test("worker: code that hangs loses its task to another worker, and code that only takes long does not", async () => {
  await using site = await Site.open();
  // The first call never ends; others take three leases, and show that they get on.
  await site.submit(`
    let calls = 0;
    export async function* map(name) {
      if (name === "a.txt" && calls++ === 0) await new Promise(() => {});
      for (let step = 0; step < 30; step++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        yield { key: name, value: "1" };
      }
    }
    export const reduce = (_key, values) => String([...values].length);
  `);
  const hanging = new AbortController();
  const first = runWorker({ servers: [site.server.address], worker: "w1", signal: hanging.signal });
  await site.work("w2");
  hanging.abort(new Error("the test is over"));
  assertEquals(await site.directory.outputLines(), ["a.txt\t30", "b.txt\t30"]);
  const { jobs: [status] } = await site.client.status("j1");
  assertEquals([status?.phase, status?.lost, status?.repeated], ["done", 1, 1]);
  // What hangs cannot be ended; the worker's process can.
  void first.catch(() => {});
});

Deno.test("worker: a cluster that is dead is given up with its addresses", async () => {
  const servers = freePorts(2).map((port) => `127.0.0.1:${port}`);
  const hurried: Clock = {
    ...realClock,
    monotonicMs: () => 20 * performance.now(),
    after: (delayMs, callback) => realClock.after(delayMs / 20, callback),
  };
  const events: string[] = [];
  const run = () => runWorker({ servers, worker: "w1", clock: hurried, onEvent: (text) => events.push(text) });
  const { message } = await assertRejects(run, CoordinatorUnreachableError);
  for (const address of servers) assertStringIncludes(message, address);
  assertEquals(events.length, 1, "it is told once that nobody has answered yet");
  assertStringIncludes(
    events[0] ?? "",
    "connection refused: nobody listens there); they are asked for 30 s altogether",
  );
});

Deno.test("worker: an input file that cannot be read fails the job with its name", async () => {
  await using site = await Site.open();
  await site.submit(countingJob, { inputs: ["a.txt", "nothing.txt"] });
  await site.work("w1");
  const { jobs: [status] } = await site.client.status("j1");
  assertEquals(status?.phase, "failed");
  assertStringIncludes(status?.message ?? "", "Cannot read the input file nothing.txt");
  await assertRejects(() => Deno.stat(`${site.directory.path}/out`), Deno.errors.NotFound);
});

Deno.test("coordinator: requests that make no sense are refused, and harm nothing", async () => {
  await using site = await Site.open();
  const rpc = await RpcClient.connect(realPlatform.network, site.server.address, { clock: realClock, timeoutMs: 2000 });
  const id = { job: "j", task: "map", index: 0, attempt: 1, worker: "w" };
  const requests = [
    ...[null, 7, "claim", [], {}, { kind: "erase" }, { kind: "claim" }, { kind: "claim", worker: 1 }],
    ...[{ kind: "claim", worker: "x".repeat(65) }, { kind: "submit" }, { kind: "submit", spec: { inputs: [] } }],
    ...[{ kind: "complete", id: { ...id, attempt: 0 } }, { kind: "complete", id: { ...id, task: "other" } }],
    ...[{ kind: "complete", id: { ...id, index: -1 } }, { kind: "fail", id, message: "x".repeat(5000) }],
  ];
  for (const request of requests) {
    const kind = await new Promise((resolve) =>
      rpc.call(request, (outcome) => {
        const isMap = outcome.kind === "reply" && outcome.body !== null && typeof outcome.body === "object";
        resolve(isMap && "kind" in outcome.body ? outcome.body.kind : outcome.kind);
      })
    );
    assertEquals(kind, "badRequest", JSON.stringify(request));
  }
  rpc.close();
  const tooMany = Array.from({ length: 5000 }, (_, index) => String(index));
  await assertRejects(() => site.submit(countingJob, { inputs: tooMany }), JobError, "1 to 4096 input files");
  await site.submit(countingJob);
  await site.work("w1");
  assertEquals(await site.directory.outputLines(), counts);
});
