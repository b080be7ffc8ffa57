/**
 * Histories whose verdict is known: an atomic register is simulated, each call takes effect at one instant between its
 * invocation and its return, and only the clients' view is written down.
 *
 * @module
 */
import type { HistoryEvent, JsonValue } from "../../../raft/testing/linearizability/mod.ts";

/** A seeded source of numbers in [0, 1) (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number from 0 up to but not including `count`. */
export function below(random: () => number, count: number): number {
  return Math.floor(random() * count);
}

/** One of `values`. */
export function pick<Value>(random: () => number, values: readonly Value[]): Value {
  const place = below(random, values.length);
  for (const value of values.slice(place)) return value;
  throw new RangeError("Cannot pick from an empty list");
}

/** What to generate. */
export interface GenerateOptions {
  readonly random: () => number;
  /** Calls to invoke. */
  readonly operations: number;
  /** Calls open at a time, nearly always. */
  readonly clients: number;
  readonly keys: number;
  /** Functions, each as often as it is listed. */
  readonly functions: readonly ("get" | "put" | "append" | "appendOld" | "delete")[];
  /** The part of calls that end unknown; half of them take effect. Default: 0. */
  readonly infoShare?: number;
  /** The part of calls that fail without effect. Default: 0. */
  readonly failShare?: number;
  /** The texts of writes, each as often as it is listed; by default each write has one of its own. */
  readonly texts?: readonly string[];
}

interface Client {
  process: number;
  call?: { readonly f: string; readonly key: string; readonly value: JsonValue; readonly tellsOld: boolean };
  /** The answer, once the call has taken effect. */
  answer?: JsonValue;
}

/** A linearizable history of registers. */
export function generate(options: GenerateOptions): HistoryEvent[] {
  const { random, infoShare = 0, failShare = 0 } = options;
  const events: HistoryEvent[] = [];
  const values = new Map<string, string>();
  const clients: Client[] = Array.from({ length: options.clients }, (_, process) => ({ process }));
  let processes = options.clients;
  let invoked = 0;
  /** Unknown calls that have not yet taken effect, and may later. */
  const zombies: Client[] = [];
  const record = (client: Client, type: HistoryEvent["type"], value: JsonValue): void => {
    if (client.call === undefined) return;
    const { f, key } = client.call;
    events.push({ process: client.process, type, f, key, value, time: events.length * 10 });
  };
  for (;;) {
    if (zombies.length > 0 && random() < 0.05) {
      const zombie = zombies.splice(below(random, zombies.length), 1)[0];
      if (zombie !== undefined) apply(values, zombie);
    }
    const busy = clients.filter((client) => client.call !== undefined);
    if (invoked >= options.operations && busy.length === 0) return events;
    const client = pick(random, invoked >= options.operations ? busy : clients);
    if (client.call === undefined) {
      client.call = newCall(options, invoked++);
      delete client.answer;
      record(client, "invoke", client.call.value);
    } else if (random() < infoShare) {
      record(client, "info", null);
      if (client.answer === undefined && random() < 0.5) zombies.push({ ...client });
      client.process = processes++;
      delete client.call;
    } else if (client.answer === undefined) {
      if (random() < failShare) {
        record(client, "fail", null);
        delete client.call;
      } else apply(values, client);
    } else {
      record(client, "ok", client.answer);
      delete client.call;
    }
  }
}

function newCall(options: GenerateOptions, index: number): NonNullable<Client["call"]> {
  const { random, texts } = options;
  const f = pick(random, options.functions);
  const key = `key${below(random, options.keys)}`;
  const text = texts === undefined ? `<${index}>` : pick(random, texts);
  const value = f === "get" || f === "delete" ? null : text;
  return { f: f === "appendOld" ? "append" : f, key, value, tellsOld: f === "appendOld" };
}

function apply(values: Map<string, string>, client: Client): void {
  if (client.call === undefined) return;
  const { f, key, value, tellsOld } = client.call;
  const before = values.get(key) ?? "";
  client.answer = f === "get" ? before : tellsOld ? { old: before } : null;
  if (f === "put") values.set(key, String(value));
  if (f === "append") values.set(key, before + String(value));
  if (f === "delete") values.delete(key);
}
