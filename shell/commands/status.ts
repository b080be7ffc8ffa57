/**
 * status and leader: how each node is.
 *
 * @module
 */
import type { ShellContext } from "../context.ts";
import type { ReachableServer, ServerReport } from "../server_report.ts";
import { CommandFailed } from "../failure.ts";
import { findLeader, palette, renderStatus } from "../render.ts";

/** Prints a line for each server; fails when none answers. */
export async function printStatus(context: ShellContext, asJson: boolean): Promise<void> {
  const reports = await ask(context);
  if (asJson) context.output.result(JSON.stringify(reports));
  else context.output.result(renderStatus(reports, palette(context.output.colors)));
  if (!reports.some((report) => report.kind === "up")) {
    throw new CommandFailed("Cannot get the status: no server answers");
  }
}

/** Prints which node leads; fails when there is none. */
export async function printLeader(context: ShellContext): Promise<void> {
  const leader = findLeader(await ask(context));
  if (leader === null) {
    throw new CommandFailed("There is no leader: a majority of the nodes must be up and connected; see: status");
  }
  context.output.result(renderLeader(leader));
}

function renderLeader(leader: ReachableServer): string {
  return `${leader.id} at ${leader.address}, term ${leader.term}`;
}

async function ask(context: ShellContext): Promise<readonly ServerReport[]> {
  const limit = AbortSignal.timeout(context.timeoutMs ?? 2000);
  const reports = await context.askServers(AbortSignal.any([context.signal, limit]));
  context.signal.throwIfAborted();
  return reports;
}
