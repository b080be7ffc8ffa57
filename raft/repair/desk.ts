/**
 * Where other nodes ask for entries that they have lost. Every node has one: a running node answers from its log, a node
 * that is itself in repair from what it could still read.
 *
 * What is said about the log needs no promise: whoever asks takes over only entries that it had before, by the rule of
 * `storage/known_log.ts`, and counts nobody's copy towards a majority.
 *
 * @module
 */
import type { Entry, EntryId, LogIndex, Term } from "../core/types.ts";
import type { LendableState } from "../node/options.ts";
import { runsOf } from "../storage/known_log.ts";
import type { Salvage } from "../storage/salvage.ts";
import type { AcceptedConnection } from "../wire/listener.ts";
import { decodeRequest, encodeReply, type LogReport, type RepairReply, type RepairRequest } from "./protocol.ts";

/** Entries that one reply holds at most, and about how many bytes of commands. */
const maxReplyEntries = 4096;
const maxReplyBytes = 1024 * 1024;

/** A log that can be asked. */
export interface LogSource {
  /** What is known of it now. */
  report(): LogReport;
  /** The entry of an index and term; undefined when it is not here. */
  find(id: EntryId): Entry | undefined;
}

/** The source that a damaged log is. */
export function sourceOf({ hardState, log, former, entries }: Salvage): LogSource {
  const { currentTerm } = hardState;
  return {
    report: () => ({ currentTerm, logs: [log, ...former].map(({ runs }) => runs), held: entries.runs }),
    find: (id) => entries.find(id),
  };
}

/** The source that a running node's log is. */
export function sourceOfRunning(state: LendableState): LogSource {
  const { log } = state;
  const terms = (from: LogIndex): Map<LogIndex, Term> => {
    const known = new Map<LogIndex, Term>();
    for (let index = Math.max(1, from); index <= log.last.index; index++) {
      const term = log.termAt(index);
      if (term !== undefined) known.set(index, term);
    }
    return known;
  };
  return {
    // The last entry before the log is known, and not here.
    report: () => ({
      currentTerm: state.currentTerm,
      logs: [runsOf(terms(log.firstIndex - 1))],
      held: runsOf(terms(log.firstIndex)),
    }),
    find: ({ index, term }) => {
      if (index < log.firstIndex || log.termAt(index) !== term) return undefined;
      return log.slice(index, 1, Infinity)[0];
    },
  };
}

/** Answers on repair connections. */
export class RepairDesk {
  #source: LogSource | null = null;

  /** From now on answers come from this log. */
  open(source: LogSource): void {
    this.#source = source;
  }

  /** Serves a connection whose handshake is done. */
  accept(accepted: AcceptedConnection): void {
    const { connection } = accepted;
    accepted.start({
      frame: (item) => {
        const request = decodeRequest(item);
        const source = this.#source;
        if (source === null) return connection.close("the log is not open yet");
        connection.send(encodeReply(answer(source, request)));
      },
      closed: () => {},
    });
  }
}

function answer(source: LogSource, request: RepairRequest): RepairReply {
  if (request.kind === "report") return { kind: "report", report: source.report() };
  const entries: Entry[] = [];
  let bytes = 0;
  for (let index = request.first; index <= request.last && entries.length < maxReplyEntries; index++) {
    const entry = source.find({ index, term: request.term });
    if (entry === undefined) break;
    bytes += entry.kind === "command" ? entry.data.length : 0;
    if (bytes > maxReplyBytes && entries.length > 0) break;
    entries.push(entry);
  }
  return { kind: "entries", entries };
}
