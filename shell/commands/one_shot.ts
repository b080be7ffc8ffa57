/**
 * Commands that make one call and end: for scripts.
 *
 * @module
 */
import type { Consistency } from "../../kv/mod.ts";
import { type ClusterTarget, withShell } from "../session.ts";
import { printDone, printValue, runAppend, runGet, runPut } from "./calls.ts";
import { printStatus } from "./status.ts";

/** Prints the value of a key, or `{"key":…,"value":…}`. */
export async function oneShotGet(
  target: ClusterTarget,
  asJson: boolean,
  key: string,
  consistency: Consistency,
): Promise<void> {
  await withShell(target, async (context) => {
    const value = await runGet(context, key, consistency);
    if (asJson) context.output.result(JSON.stringify({ key, value }));
    else printValue(context, value);
  });
}

/** Replaces the value of a key; prints `{"key":…,"ok":true}` if JSON is asked for. */
export async function oneShotPut(target: ClusterTarget, asJson: boolean, key: string, value: string): Promise<void> {
  await withShell(target, async (context) => {
    await runPut(context, key, value);
    if (asJson) context.output.result(JSON.stringify({ key, ok: true }));
    else printDone(context);
  });
}

/** Adds to the value of a key; prints `{"key":…,"ok":true}` if JSON is asked for. */
export async function oneShotAppend(target: ClusterTarget, asJson: boolean, key: string, value: string): Promise<void> {
  await withShell(target, async (context) => {
    await runAppend(context, key, value);
    if (asJson) context.output.result(JSON.stringify({ key, ok: true }));
    else printDone(context);
  });
}

/** Prints how each server is. */
export async function oneShotStatus(target: ClusterTarget, asJson: boolean): Promise<void> {
  await withShell(target, (context) => printStatus(context, asJson));
}
