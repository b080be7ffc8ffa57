/**
 * The coordinator's state machine, command by command, with a clock of our own.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CoordinatorMachine } from "../../mapreduce/coordinator.ts";
import { maxLosses } from "../../mapreduce/limits.ts";
import type { AttemptId, Command, CommandResult, JobSpec } from "../../mapreduce/protocol.ts";
import type { JobStatus } from "../../mapreduce/status.ts";

const leaseMs = 10_000;

/** A machine and the time of its commands. */
class World {
  machine = new CoordinatorMachine();
  nowMs = 1_000_000;
  #index = 0;

  do(command: Command): CommandResult {
    return this.machine.apply(command, { index: ++this.#index, term: 1, clusterTimeMs: this.nowMs });
  }

  submit(changes: Partial<JobSpec> = {}): CommandResult {
    return this.do({ kind: "submit", spec: { ...spec, ...changes } });
  }

  /** Claims; returns the attempt, or what else was said. */
  claim(worker: string): AttemptId | string {
    const result = this.do({ kind: "claim", worker });
    return result.kind === "task" ? result.grant.id : result.kind;
  }

  /** Claims what must be a task. */
  task(worker: string): AttemptId {
    const id = this.claim(worker);
    if (typeof id === "string") throw new Error(`expected a task for ${worker}, got ${id}`);
    return id;
  }

  complete(id: AttemptId): boolean {
    const result = this.do({ kind: "complete", id });
    return result.kind === "noted" && result.isWanted;
  }

  /** Executes `count` tasks. */
  work(count: number, worker = "w1"): void {
    for (let done = 0; done < count; done++) assert(this.complete(this.task(worker)));
  }

  status(job = spec.job): JobStatus {
    const [status] = this.machine.query({ job }).jobs;
    if (status === undefined) throw new Error(`${job} is not known`);
    return status;
  }
}

const spec: JobSpec = {
  job: "j1",
  module: "file:///job.ts",
  inputDirectory: "/in",
  inputs: ["a", "b", "c"],
  reduces: 2,
  workDirectory: "/out.working",
  outputDirectory: "/out",
  parameters: [],
  leaseMs,
};

function started(changes: Partial<JobSpec> = {}): World {
  const world = new World();
  assertEquals(world.submit(changes), { kind: "submitted" });
  return world;
}

Deno.test("coordinator: maps, then reduces, then the publish task, then nothing", () => {
  const world = started();
  const ids: string[] = [];
  for (let id = world.claim("w1"); typeof id !== "string"; id = world.claim("w1")) {
    ids.push(`${id.task} ${id.index} ${id.attempt}`);
    assert(world.complete(id));
  }
  assertEquals(ids, ["map 0 1", "map 1 1", "map 2 1", "reduce 0 1", "reduce 1 1", "publish 0 1"]);
  assertEquals(world.claim("w1"), "noJob");
  const { phase, mapsDone, reducesDone, attempts, repeated } = world.status();
  assertEquals([phase, mapsDone, reducesDone, attempts, repeated], ["done", 3, 2, 6, 0]);
});

Deno.test("coordinator: no reduce task before every map task is done", () => {
  const world = started();
  const ids = ["w1", "w2", "w3"].map((worker) => world.task(worker));
  assertEquals(world.claim("w4"), "wait");
  for (const id of ids) world.complete(id);
  assertEquals(world.task("w4").task, "reduce");
});

Deno.test("coordinator: a worker whose answer was lost is given the same attempt", () => {
  const world = started();
  const id = world.task("w1");
  assertEquals(world.task("w1"), id);
  assertEquals(world.status().attempts, 1);
});

Deno.test("coordinator: a lease that lapses gives the task to another worker; one that is renewed does not", () => {
  const world = started({ inputs: ["a", "b"] });
  const [silent, alive] = [world.task("w1"), world.task("w2")];
  world.nowMs += leaseMs - 1;
  assertEquals(world.do({ kind: "renew", id: alive }), { kind: "noted", isWanted: true });
  assertEquals(world.claim("w3"), "wait");
  world.nowMs += 1;
  assertEquals(world.task("w3"), { ...silent, attempt: 2, worker: "w3" });
  assertEquals(world.status().lost, 1);
});

Deno.test("coordinator: the first complete attempt counts, whichever it is, and only that one", () => {
  const world = started({ inputs: ["a"], reduces: 1 });
  const first = world.task("w1");
  world.nowMs += leaseMs;
  const second = world.task("w2");
  assert(world.complete(first), "the late attempt comes in first");
  assert(!world.complete(second));
  assert(world.complete(first), "reported again, because the answer was lost");
  assertEquals(world.do({ kind: "renew", id: second }), { kind: "noted", isWanted: false });
  const reduce = world.do({ kind: "claim", worker: "w1" });
  assertEquals(reduce.kind === "task" ? reduce.grant.sources : null, [1]);
});

Deno.test("coordinator: code that throws three times fails the job; a failure that is told twice counts once", () => {
  const world = started();
  for (let attempt = 1; attempt <= 3; attempt++) {
    const id = world.task("w1");
    assertEquals([id.index, id.attempt], [0, attempt]);
    for (let told = 0; told < 2; told++) world.do({ kind: "fail", id, message: `stack ${attempt}` });
  }
  const { phase, message, failed } = world.status();
  assertEquals([phase, failed], ["failed", 3]);
  assertStringIncludes(message, "map task 0 (a) has failed three times");
  assertStringIncludes(message, "stack 3");
  assertEquals(world.claim("w1"), "noJob");
});

Deno.test("coordinator: a task that kills its workers again and again fails the job", () => {
  const world = started({ inputs: ["a"] });
  for (let loss = 0; loss < maxLosses; loss++) {
    world.task(`w${loss}`);
    world.nowMs += leaseMs;
  }
  assertEquals(world.claim("w"), "noJob");
  assertStringIncludes(world.status().message, `given up ${maxLosses} times`);
});

Deno.test("coordinator: a map task whose files are gone is done again, and once only", () => {
  const world = started();
  world.work(3);
  const [reader, other] = [world.task("w1"), world.task("w2")];
  for (const id of [reader, other]) world.do({ kind: "missing", id, map: 1, mapAttempt: 1 });
  const again = world.task("w1");
  assertEquals([again.task, again.index, again.attempt], ["map", 1, 2]);
  assertEquals(world.claim("w2"), "wait");
  world.complete(again);
  world.do({ kind: "missing", id: reader, map: 1, mapAttempt: 1 });
  const reduce = world.do({ kind: "claim", worker: "w1" });
  assertEquals(reduce.kind === "task" ? reduce.grant.sources : null, [1, 2, 1]);
});

Deno.test("coordinator: jobs in turn; submitting again changes nothing; a cancelled one is over", () => {
  const world = started();
  world.work(1);
  assertEquals(world.submit(), { kind: "submitted" });
  assertEquals(world.status().mapsDone, 1);
  world.submit({ job: "j2" });
  assertEquals(world.task("w1").job, "j1");
  world.do({ kind: "cancel", job: "j1" });
  assertEquals(world.task("w1").job, "j2");
  assertEquals(world.status("j1").phase, "failed");
});

Deno.test("coordinator: the jobs under way are bounded, the ones that are over give way", () => {
  const world = new World();
  for (let job = 0; job < 16; job++) world.submit({ job: `j${job}` });
  assertEquals(world.submit({ job: "more" }).kind, "refused");
  world.do({ kind: "cancel", job: "j3" });
  assertEquals(world.submit({ job: "more" }).kind, "submitted");
  assertEquals(world.machine.query({ job: "j3" }).jobs, []);
});

Deno.test("coordinator: reports about jobs and tasks that are not known do no harm", () => {
  const world = started();
  const id: AttemptId = { job: "other", task: "map", index: 0, attempt: 1, worker: "w1" };
  assert(!world.complete(id));
  assert(!world.complete({ ...id, job: "j1", index: 3 }));
  assert(!world.complete({ ...id, job: "j1" }), "an attempt that was never handed out");
  world.do({ kind: "missing", id: { ...id, job: "j1" }, map: 99, mapAttempt: 1 });
  assertEquals(world.status().attempts, 0);
});

Deno.test("coordinator: a snapshot restores everything, wherever it is taken", async () => {
  const world = started();
  world.submit({ job: "j2" });
  for (let step = 0; step < 8; step++) {
    const copy = new CoordinatorMachine();
    await copy.restore(inPieces(world.machine.snapshot().chunks(), 7 + step));
    assertEquals(copy.query({ job: null }), world.machine.query({ job: null }));
    // The copy goes on in place of the original.
    world.machine = copy;
    if (step === 2) world.do({ kind: "fail", id: world.task("w1"), message: "once" });
    if (step === 3) world.task("w2");
    world.nowMs += 4000;
    world.work(1);
  }
  assertEquals(world.status().phase, "done");
});

/** The same bytes, cut differently. */
async function* inPieces(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += size) yield chunk.slice(start, start + size);
  }
}
