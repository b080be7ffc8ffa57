/**
 * A data directory on this machine, for people: what is in it and what is wrong with it, without a running node.
 *
 * @module
 */
import { DenoFileSystem } from "./storage/deno_file_system.ts";
import { type DirectoryReport, examineDirectory } from "./storage/examine.ts";

export type {
  DirectoryProblem,
  DirectoryReport,
  RecordReport,
  RepairReport,
  SegmentReport,
  SnapshotReport,
} from "./storage/examine.ts";

/** Reads every file of the directory and checks every byte. Changes nothing. Rejects when a node has it open. */
export function inspectDataDirectory(directory: string): Promise<DirectoryReport> {
  return examineDirectory(new DenoFileSystem(directory));
}
