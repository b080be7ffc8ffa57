/**
 * A thread of `disk_damage.ts`: judges the share it is told, and answers with the counts.
 *
 * @module
 */
import { realisticSize } from "./damage.ts";
import { type DamageTally, runDamage, type Share } from "./damage_run.ts";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Share>) => void) | null;
  postMessage(tallies: DamageTally[]): void;
}

function serve(scope: WorkerScope): void {
  scope.onmessage = async ({ data }) => scope.postMessage(await runDamage(realisticSize, data));
}

declare const self: WorkerScope;
serve(self);
