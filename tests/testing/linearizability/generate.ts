/**
 * Histories of registers whose verdict is known.
 *
 * @module
 */
import type { HistoryEvent } from "../../../raft/testing/linearizability/mod.ts";
import { below, pick } from "./random.ts";
import { type Call, type SequentialObject, simulateClients } from "./simulate_clients.ts";

/** Which calls are made. */
export interface RegisterOptions {
  readonly random: () => number;
  readonly keys: number;
  /** Functions, each as often as it is listed. */
  readonly functions: readonly ("get" | "put" | "append" | "appendOld" | "delete")[];
  /** The texts of writes, each as often as it is listed; by default each write has one of its own. */
  readonly texts?: readonly string[];
}

/** What to generate. */
export interface GenerateOptions extends RegisterOptions {
  /** Calls to invoke. */
  readonly operations: number;
  /** Calls open at a time, nearly always. */
  readonly clients: number;
  /** The part of calls that end unknown; half of them take effect. Default: 0. */
  readonly infoShare?: number;
  /** The part of calls that fail without effect. Default: 0. */
  readonly failShare?: number;
}

/** A linearizable history of registers. */
export function generate(options: GenerateOptions): HistoryEvent[] {
  return simulateClients({ ...options, object: registers(options) });
}

interface RegisterCall extends Call {
  /** Whether the answer of an append is the value before. */
  readonly tellsOld: boolean;
}

/** Registers with append. */
export function registers({ random, functions, keys, texts }: RegisterOptions): SequentialObject<string, RegisterCall> {
  return {
    initial: "",
    newCall(index) {
      const f = pick(random, functions);
      const key = `key${below(random, keys)}`;
      const text = texts === undefined ? `<${index}>` : pick(random, texts);
      const value = f === "get" || f === "delete" ? null : text;
      return { f: f === "appendOld" ? "append" : f, key, value, tellsOld: f === "appendOld" };
    },
    step(before, { f, value, tellsOld }) {
      if (f === "get") return [before, before];
      if (f === "delete") return ["", null];
      if (f === "put") return [String(value), null];
      return [before + String(value), tellsOld ? { old: before } : null];
    },
  };
}
