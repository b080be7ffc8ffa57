import { assert, assertEquals } from "@std/assert";
import {
  checkLinearizability,
  formatHistory,
  type HistoryEvent,
  historyOf,
  type JsonValue,
  lockSpecification,
  registerModel,
  registerSpecification,
  type Specification,
  specificationOf,
  versionedSpecification,
} from "../../../raft/testing/linearizability/mod.ts";
import {
  isLinearizableByDefinition,
  type Replay,
  replayLease,
  replayLock,
  replayRegister,
  replayVersioned,
} from "./brute_force.ts";
import { generate } from "./generate.ts";
import { locks } from "./objects.ts";
import { below, pick } from "./random.ts";
import { seededRandom } from "../../kv/seeded_random.ts";
import { simulateClients } from "./simulate_clients.ts";

/** What the definition said of the histories that were checked. */
interface Counts {
  good: number;
  bad: number;
}

/** Checks one small history by definition and by every specification, and fails with the history where they disagree. */
function crossCheck(
  events: readonly HistoryEvent[],
  initial: string,
  replay: Replay<string>,
  specifications: readonly Specification[],
  counts: Counts,
): void {
  const history = historyOf(events);
  const expected = isLinearizableByDefinition(history.operations, initial, replay);
  counts[expected ? "good" : "bad"]++;
  const offending = new Set<number>();
  for (const specification of specifications) {
    const verdict = checkLinearizability(history, { specification });
    const shown = `${specification.name}:\n${formatHistory(events)}`;
    assertEquals(verdict.kind, expected ? "linearizable" : "notLinearizable", shown);
    if (verdict.kind === "notLinearizable") offending.add(verdict.offending.index);
    if (verdict.kind !== "linearizable") continue;
    // The order found must itself pass, made one call after another.
    const inSequence = verdict.order.map((operation, place) => ({
      ...operation,
      invokeLine: 2 * place,
      returnLine: 2 * place + 1,
    }));
    assert(isLinearizableByDefinition(inSequence, initial, replay), shown);
    for (const [place, operation] of verdict.order.entries()) {
      assert(verdict.order.slice(place).every((later) => later.returnLine > operation.invokeLine), shown);
    }
    const answered = history.operations.filter((operation) => operation.status === "ok").length;
    assertEquals(verdict.order.filter((operation) => operation.status === "ok").length, answered, shown);
  }
  // Searched in different ways, a history still breaks at one place.
  assert(offending.size <= 1, formatHistory(events));
}

const functionSets = [
  ["put", "get"],
  ["append", "get"],
  ["put", "put", "get"],
  ["put", "append", "get"],
  ["put", "append", "delete", "get", "get"],
  ["appendOld", "put", "get"],
  ["put", "appendOld", "append", "delete", "get"],
] as const;

/** Texts that are told apart, texts that are not, and texts that begin, end or make up one another. */
const textSets = [undefined, ["a", "b"], ["a", "aa", "b", "ab"], ["a", "", "ba", "a"], ["<1>", "<2>", "<3>"]];

Deno.test("the register: the checker agrees with the definition on 6,000 small histories, looking ahead or not", () => {
  const counts = { good: 0, bad: 0 };
  for (let seed = 1; seed <= 6000; seed++) {
    const random = seededRandom(seed);
    const texts = pick(random, textSets);
    const events = generate({
      random,
      operations: 2 + below(random, 6),
      clients: 2 + below(random, 4),
      keys: 1,
      functions: pick(random, functionSets),
      infoShare: pick(random, [0, 0.1, 0.3]),
      failShare: 0.05,
      ...(texts === undefined ? {} : { texts }),
    });
    const mutated = random() < 0.9 ? spoilAnswers(events, random) : events;
    crossCheck(mutated, "", replayRegister, [registerSpecification, specificationOf(registerModel)], counts);
  }
  assert(counts.good > 2000 && counts.bad > 1500, JSON.stringify(counts));
});

/** Gives some reads the value that some other read saw, or a likely one. */
function spoilAnswers(events: readonly HistoryEvent[], random: () => number): HistoryEvent[] {
  const seen = events.flatMap((event) => event.type === "ok" && event.f === "get" ? [String(event.value)] : []);
  const values = [...seen, ...seen, "", "a", "b", "ab", "aa"];
  return events.map((event) => {
    if (event.type !== "ok" || random() > 0.6) return event;
    if (event.f === "get") return { ...event, value: pick(random, values) };
    return event.value === null ? event : { ...event, value: { old: pick(random, values) } };
  });
}

Deno.test("the register with versions: the checker agrees with the definition on 3,000 small histories", () => {
  const counts = { good: 0, bad: 0 };
  for (let seed = 1; seed <= 3000; seed++) {
    const events = randomVersionedHistory(seededRandom(seed));
    crossCheck(events, "0:", replayVersioned, [versionedSpecification], counts);
  }
  assert(counts.good > 500 && counts.bad > 500, JSON.stringify(counts));
});

const lockKinds = [
  ["lock", replayLock, false, 4000],
  // Fewer: by definition there are twice as many states before each call.
  ["lock with leases", replayLease, true, 1000],
] as const;

for (const [name, replay, leasesExpire, histories] of lockKinds) {
  Deno.test(`the ${name}: the checker agrees with the definition on ${histories} small histories`, () => {
    const counts = { good: 0, bad: 0 };
    for (let seed = 1; seed <= histories; seed++) {
      const events = randomLockHistory(seededRandom(seed));
      crossCheck(events, "free:0", replay, [lockSpecification({ leasesExpire })], counts);
    }
    assert(counts.good > histories / 5 && counts.bad > histories / 5, JSON.stringify(counts));
  });
}

/** Calls on a simulated lock; now and then an answer is spoilt, or the token that a call names. */
function randomLockHistory(random: () => number): HistoryEvent[] {
  const events = simulateClients({
    random,
    object: locks({ random, keys: 1 }),
    operations: 3 + below(random, 4),
    clients: 2 + below(random, 2),
    infoShare: pick(random, [0, 0.2, 0.4]),
    failShare: 0.05,
  });
  const spoilShare = pick(random, [0, 0.2, 0.5]);
  return events.map((event) => random() < spoilShare ? withOtherToken(event, random) : event);
}

/** Another answer, or another token named by the call. */
function withOtherToken(event: HistoryEvent, random: () => number): HistoryEvent {
  const token = below(random, 5);
  if (event.type === "ok") return { ...event, value: event.f === "acquire" ? pick(random, [token, null]) : token < 3 };
  return event.type === "invoke" && event.f !== "acquire" ? { ...event, value: token } : event;
}

/** Calls on a simulated register, each made at its invocation or at its completion; now and then an answer is spoilt. */
function randomVersionedHistory(random: () => number): HistoryEvent[] {
  const events: HistoryEvent[] = [];
  const clients = 2 + below(random, 3);
  const spoilShare = pick(random, [0, 0.2]);
  const open = new Map<number, { f: string; value: JsonValue; answer: JsonValue | undefined }>();
  const processes = Array.from({ length: clients }, (_, client) => client);
  const server = new VersionedServer();
  for (let count = 0; count < 7 || open.size > 0;) {
    const client = below(random, clients);
    const process = processes[client] ?? 0;
    const call = open.get(process);
    const time = events.length;
    if (call === undefined) {
      if (count === 7) continue;
      count++;
      const isRead = random() < 0.4;
      const f = isRead ? "getWithVersion" : "putIfVersion";
      const value = isRead ? null : { value: pick(random, ["a", "b"]), version: server.likelyVersion(random) };
      open.set(process, { f, value, answer: random() < 0.5 ? server.serve(value, random) : undefined });
      events.push({ process, type: "invoke", f, key: "x", value, time });
      continue;
    }
    open.delete(process);
    const common = { process, f: call.f, key: "x", time };
    if (random() < 0.15) {
      events.push({ ...common, type: "info", value: null });
      processes[client] = Math.max(...processes) + 1;
      continue;
    }
    const answer = call.answer ?? server.serve(call.value, random);
    events.push({ ...common, type: "ok", value: random() < spoilShare ? randomAnswer(call.f, random) : answer });
  }
  return events;
}

/** A register with versions that serves one call at a time. */
class VersionedServer {
  #value = "";
  #version = 0;

  likelyVersion(random: () => number): number {
    return random() < 0.7 ? this.#version : below(random, 3);
  }

  serve(argument: JsonValue, random: () => number): JsonValue {
    if (argument === null || typeof argument !== "object" || !("version" in argument)) {
      return { value: this.#value, version: this.#version };
    }
    if (argument.version !== this.#version) return { outcome: this.#version === 0 ? "noKey" : "versionMismatch" };
    this.#value = String(argument.value);
    this.#version++;
    return { outcome: random() < 0.2 ? "maybe" : "ok" };
  }
}

function randomAnswer(f: string, random: () => number): JsonValue {
  const version = below(random, 3);
  if (f === "getWithVersion") return { value: version === 0 ? "" : pick(random, ["a", "b"]), version };
  return { outcome: pick(random, ["ok", "versionMismatch", "maybe", "noKey"]) };
}
