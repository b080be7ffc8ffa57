/**
 * lease: grant, keep alive, look at, list and revoke leases, and put keys with them.
 *
 * @module
 */
import type { LeaseState } from "../../kv/mod.ts";
import type { ShellContext } from "../context.ts";
import { CommandFailed, UsageError } from "../failure.ts";
import type { Flags } from "../flags.ts";
import { palette, renderTable } from "../render.ts";
import { call, printDone, wholeClerk } from "./calls.ts";

/** What comes behind each action. */
const usages: Readonly<Record<string, string>> = {
  grant: "<milliseconds>",
  put: "<id> <key> <value>",
  "keep-alive": "<id>",
  ttl: "<id>",
  revoke: "<id>",
  list: "",
};

/** `lease ACTION …`. */
export async function runLease(context: ShellContext, flags: Flags, words: readonly string[]): Promise<void> {
  const [action = "", ...rest] = words;
  const usage = usages[action];
  if (usage === undefined) {
    throw new UsageError(`Cannot do "${action}" with leases: use ${Object.keys(usages).join(", ")}`);
  }
  if (rest.length !== usage.split(" ").filter((word) => word !== "").length) {
    throw new UsageError(`Cannot run lease ${action}: write it as lease ${action} ${usage}`.trimEnd());
  }
  const asJson = flags.isSet("json");
  switch (action) {
    case "grant":
      return await grant(context, numberOf(rest[0] ?? "", "a number of milliseconds"), asJson);
    case "list":
      return await list(context, asJson);
    default:
      return await actOn(context, action, idOf(rest[0]), rest.slice(1), asJson);
  }
}

async function grant(context: ShellContext, ttlMs: number, asJson: boolean): Promise<void> {
  const lease = await call(context, "lease", "", (options) => wholeClerk(context).grantLease(ttlMs, options));
  context.output.result(asJson ? JSON.stringify({ lease, ttlMs }) : String(lease));
}

async function actOn(
  context: ShellContext,
  action: string,
  lease: number,
  [key = "", value = ""]: readonly string[],
  asJson: boolean,
): Promise<void> {
  const { output } = context;
  const clerk = wholeClerk(context);
  if (action === "ttl") return await look(context, lease, asJson);
  if (action === "revoke") {
    const deleted = await call(context, "lease", "", (options) => clerk.revokeLease(lease, options));
    if (asJson) output.result(JSON.stringify({ lease, deleted }));
    else if (output.isTerminal) output.result(`${deleted} ${deleted === 1 ? "key" : "keys"} deleted`);
    return;
  }
  if (action === "put") await call(context, "put", key, (options) => clerk.put(key, value, { ...options, lease }));
  else await call(context, "lease", "", (options) => clerk.keepLeaseAlive(lease, options));
  if (asJson) output.result(JSON.stringify({ lease, ok: true }));
  else printDone(context);
}

async function look(context: ShellContext, lease: number, asJson: boolean): Promise<void> {
  const state = await call(context, "look", "", (options) => wholeClerk(context).timeToLive(lease, options));
  if (state === null) throw new CommandFailed(`There is no lease ${lease}, or not any more; see: lease list`);
  if (asJson) context.output.result(jsonOf(state));
  else context.output.result(context.output.isTerminal ? textOf(state) : String(state.remainingMs));
}

async function list(context: ShellContext, asJson: boolean): Promise<void> {
  const { output } = context;
  const clerk = wholeClerk(context);
  const states = await call(context, "look", "", (options) => Array.fromAsync(clerk.leases(options)));
  if (asJson) return states.forEach((state) => output.result(jsonOf(state)));
  if (!output.isTerminal) {
    return states.forEach(({ id, remainingMs, ttlMs, keys }) =>
      output.result([id, remainingMs, ttlMs, keys].join("\t"))
    );
  }
  if (states.length === 0) return output.note("No leases");
  const rows = states.map(({ id, remainingMs, ttlMs, keys }) => [id, remainingMs, ttlMs, keys].map(String));
  output.result(renderTable([">lease", ">ms left", ">of ms", ">keys"], rows, palette(output.colors)));
}

function jsonOf({ id, remainingMs, ttlMs, keys }: LeaseState): string {
  return JSON.stringify({ lease: id, remainingMs, ttlMs, keys });
}

function textOf({ id, remainingMs, ttlMs, keys }: LeaseState): string {
  return `Lease ${id} lasts ${remainingMs} of ${ttlMs} ms and has ${keys} ${keys === 1 ? "key" : "keys"}`;
}

function idOf(word: string | undefined): number {
  return numberOf(word ?? "", "the number of a lease");
}

function numberOf(word: string, what: string): number {
  if (/^\d{1,15}$/.test(word)) return Number(word);
  throw new UsageError(`Cannot use "${word}": give ${what}`);
}
