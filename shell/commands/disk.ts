/**
 * `balsa disk verify` and `balsa disk inspect`: what is in a data directory and what is wrong with it, without a running
 * node.
 *
 * @module
 */
import { type DirectoryReport, inspectDataDirectory } from "../../raft/mod.ts";
import { exitFailed, exitOk } from "../failure.ts";
import type { Output } from "../output.ts";
import { type Palette, palette, renderBytes, renderTable } from "../render.ts";

/** How a directory is looked at. */
export interface DiskOptions {
  /** The directory. */
  readonly directory: string;
  /** Whether JSON is printed. */
  readonly asJson: boolean;
  /** Where results go. */
  readonly output: Output;
}

/** Checks every byte; returns {@link exitFailed} unless the directory is sound. */
export async function runDiskVerify({ directory, asJson, output }: DiskOptions): Promise<number> {
  const report = await inspectDataDirectory(directory);
  const { problems } = report;
  if (asJson) {
    output.result(
      JSON.stringify({ directory, isSound: problems.length === 0, torn: report.torn, repair: report.repair, problems }),
    );
  } else output.result([...renderProblems(report, palette(output.colors)), renderVerdict(report)].join("\n"));
  return problems.length === 0 ? exitOk : exitFailed;
}

/** Prints meta, segments with their records, snapshots and witness; returns {@link exitFailed} if anything is wrong. */
export async function runDiskInspect({ directory, asJson, output }: DiskOptions): Promise<number> {
  const report = await inspectDataDirectory(directory);
  if (asJson) output.result(JSON.stringify(report, (_key, value) => value instanceof Map ? [...value] : value));
  else output.result(renderReport(report, palette(output.colors)));
  return report.problems.length === 0 ? exitOk : exitFailed;
}

function renderProblems({ problems, torn, witnessed }: DirectoryReport, colors: Palette): string[] {
  const lines = problems.map(({ file, offset, found, remedy }) =>
    `${colors.bad("damaged")}  ${file} at offset ${offset}: ${found}. ${remedy}.`
  );
  if (torn !== null) {
    const proof = witnessed
      ? "It was never acknowledged; the next start drops it."
      : "Nothing proves that it was never acknowledged; the next start asks the others what it may have held.";
    lines.push(
      `torn  ${torn.file} at offset ${torn.offset}: ${torn.bytes} bytes of a write that a crash cut short ` +
        `(${torn.reason}). ${proof}`,
    );
  }
  return lines;
}

function renderVerdict({ directory, problems, segments, snapshots, state }: DirectoryReport): string {
  const records = segments.reduce((sum, segment) => sum + segment.records.length, 0);
  const read = `${records} records in ${segments.length} segments, ${snapshots.length} snapshots`;
  if (problems.length > 0) return `${directory} is damaged in ${problems.length} places (${read} read)`;
  return `${directory} is sound: ${read}, the log ends with entry ${state?.last.index ?? 0}`;
}

function renderReport(report: DirectoryReport, colors: Palette): string {
  const { meta, segments, snapshots, witness, state, repair, otherFiles } = report;
  const parts: string[] = [];
  if (meta !== null) {
    const identity = meta.incarnation === 0 ? meta.nodeId : `${meta.nodeId}#${meta.incarnation}`;
    parts.push(
      `node ${identity} of cluster ${meta.clusterId}, opened ${meta.generation} times, directory ${meta.directoryId}`,
    );
    const met = [...meta.peers].map(([peer, { generation }]) => `${peer} (generation ${generation})`);
    parts.push(`has met ${met.length === 0 ? "nobody" : met.join(", ")}`);
  }
  if (state !== null) {
    const { hardState, last, configuration } = state;
    const learners = configuration.learners.length === 0 ? "" : `, learners ${configuration.learners.join(", ")}`;
    parts.push(
      `term ${hardState.currentTerm}, vote for ${
        hardState.votedFor ?? "nobody"
      }; the log ends with entry ${last.index} ` +
        `of term ${last.term}; voters ${configuration.voters.join(", ")}${learners}`,
    );
  }
  if (repair !== null) {
    const { missing, last, hardState } = repair;
    const what = missing.length === 0
      ? "every entry can still be read"
      : `missing: ${missing.map(describeRange).join(", ")}`;
    parts.push(`in need of repair: ${what}, of ${last.index} entries; term ${hardState.currentTerm} is known`);
  }
  parts.push(
    witness === null
      ? "the witness says nothing"
      : `the witness knows of batch ${witness.batch}, up to entry ${witness.last.index} of term ${witness.last.term}`,
  );
  const records = segments.flatMap(({ name, records }) =>
    records.map(({ offset, bytes, type, batch, content }) => [name, `${offset}`, `${bytes}`, `${batch}`, type, content])
  );
  if (records.length > 0) {
    parts.push(renderTable(["segment", ">offset", ">bytes", ">batch", "record", "content"], records, colors));
  }
  const rows = snapshots.map(({ name, snapshot, bytes, isIntact }) => [
    name,
    snapshot === null ? "?" : `@${snapshot.last.index}`,
    renderBytes(bytes),
    isIntact ? colors.good("intact") : colors.bad("damaged"),
  ]);
  if (rows.length > 0) parts.push(renderTable(["snapshot", ">index", ">state", "bytes"], rows, colors));
  if (otherFiles.length > 0) parts.push(`other files: ${otherFiles.join(", ")}`);
  return [...parts, ...renderProblems(report, colors), renderVerdict(report)].join("\n");
}

function describeRange([first, last]: readonly [number, number]): string {
  return first === last ? `${first}` : `${first} to ${last}`;
}
