/**
 * What goes wrong with disks: crashes in the middle of an operation, errors, slowness.
 *
 * @module
 */
import type { NodeId } from "../../raft/core/types.ts";
import { maxStallMs, type NemesisContext, type Recovery } from "./nemesis_context.ts";

/** Cuts a machine's power, or kills its process alone. */
function crash({ cluster }: NemesisContext, recovery: Recovery, id: NodeId, isPower: boolean): void {
  if (isPower) return recovery.cutPower(id);
  cluster.kill(id, { kind: "process" });
  recovery.later(10, 3_000, () => cluster.start(id));
}

/** Kills a node right before or right after one of its next disk operations. */
export function crashAtIo(context: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { cluster, counters, random } = context;
  const { disk } = cluster.process(id);
  let toPass = random.integer(40);
  const phase = random.pick(["before", "after"] as const);
  const isPower = random.chance(0.7);
  disk.observer = (event) => {
    if (event.phase !== phase || toPass-- > 0) return;
    disk.observer = null;
    counters.add("crash at an I/O");
    crash(context, recovery, id, isPower);
  };
}

/**
 * Kills a node at one of its first disk operations behind the beginning of a segment: what is in it may have been acknowledged
 * by then, and the segment before it is one that is only read from now on.
 */
export function crashAtSegment(context: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { cluster, counters, random } = context;
  const { disk } = cluster.process(id);
  let isWritten = false;
  let isNamed = false;
  let toPass = random.integer(6);
  const isPower = random.chance(0.7);
  disk.observer = ({ operation, phase, name }) => {
    if (phase !== "after") return;
    if (isNamed) {
      if (toPass-- > 0) return;
      disk.observer = null;
      counters.add("crash at a new segment");
      return crash(context, recovery, id, isPower);
    }
    // It is written under another name, and then renamed.
    const isNext = name.startsWith("wal-") && name.endsWith(".tmp");
    if (isNext && operation === "write") isWritten = true;
    else if (isNext && operation === "metadata" && isWritten) isNamed = true;
  };
}

/**
 * Kills a process between a write and the fsync that makes it durable. The next process finds what the page cache has kept, and
 * must not build on it before it has made it durable itself: soon afterwards the power goes, and with it what was not.
 */
export function crashTwice(
  { cluster, monitor, counters, random }: NemesisContext,
  recovery: Recovery,
  id: NodeId,
): void {
  const { disk } = cluster.process(id);
  let toPass = random.integer(10);
  const cutPower = (): void => {
    if (!cluster.process(id).isAlive) return;
    counters.add("crash, and power lost on the way back");
    recovery.cutPower(id, "none");
  };
  const startAndCut = (): void => {
    cluster.start(id);
    if (random.chance(0.5)) return recovery.later(1, 300, cutPower);
    // As soon as it takes part again.
    monitor.stepListener = (node, event) => {
      if (node.name !== id || event.type !== "message") return;
      monitor.stepListener = null;
      recovery.later(0.1, 20, cutPower);
    };
  };
  disk.observer = ({ operation, phase, name }) => {
    if (operation !== "sync" || phase !== "before" || !name.startsWith("wal-") || toPass-- > 0) return;
    disk.observer = null;
    cluster.kill(id, { kind: "process" });
    recovery.later(0.1, 5, startAndCut);
  };
}

/** Makes a disk slow for a while: every fsync takes longer, or some take very long; reads may be slow, too. */
export function slowDisk({ plan, cluster, counters, random }: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { disk } = cluster.process(id);
  const isStalling = random.chance(0.5);
  const sync = isStalling
    ? { minMs: 0.5, maxMs: 5, stallProbability: 0.1, stallMs: maxStallMs }
    : { minMs: 1, maxMs: 1 + 100 * random.next() };
  const read = random.chance(0.5) ? { minMs: 0, maxMs: 300 } : plan.disk.cached;
  disk.profile = { ...plan.disk, sync, read };
  counters.add(isStalling ? "disk in stalling phase" : "disk in slow phase");
  recovery.later(1_000, 15_000, () => {
    disk.profile = plan.disk;
  });
}

/** Leaves no room on a disk for a while, but for a little. The node goes on by itself when there is room again. */
function fillDisk({ plan, cluster, counters, random }: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { disk } = cluster.process(id);
  disk.profile = { ...disk.profile, capacityBytes: disk.usedBytes + random.integer(2_000) };
  counters.add("disk without room");
  recovery.later(200, 10_000, () => {
    disk.profile = { ...disk.profile, capacityBytes: plan.disk.capacityBytes };
  });
}

/** Makes one of a node's next disk operations fail; counted when it does. */
export function failDisk(context: NemesisContext, recovery: Recovery, id: NodeId): void {
  const { plan, cluster, random } = context;
  const { disk } = cluster.process(id);
  const skip = random.integer(20);
  switch (random.pick(plan.faults.diskErrorKinds)) {
    case "room":
      return fillDisk(context, recovery, id);
    case "sync":
      return disk.inject({ operation: "sync", effect: "error", skip });
    case "write":
      return disk.inject({ operation: "write", effect: random.pick(["error", "short"] as const), skip });
    case "full":
      return disk.inject({ operation: "write", effect: "short", code: "ENOSPC", skip, times: 1 + random.integer(3) });
    case "fullAndCrash":
      // A batch that is written again goes where a part of it was, unless a snapshot has ended the segment meanwhile.
      disk.inject({ operation: "write", effect: "short", code: "ENOSPC", skip, name: /^wal-\d+\.log$/ });
      return crashAtSegment(context, recovery, id);
  }
}
