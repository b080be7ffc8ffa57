/**
 * Tells the user that a call is waiting, and for what: on a terminal as one line that comes and goes, otherwise as a
 * line on standard error each time the kind of obstacle changes.
 *
 * @module
 */
import type { ClerkWaiting } from "../kv/mod.ts";
import type { ServerReport } from "./server_report.ts";
import type { Output } from "./output.ts";
import { findLeader, palette } from "./render.ts";

/** What a call is waiting for. */
export interface Obstacle {
  /** Equal for obstacles that differ in details only. */
  readonly kind: string;
  /** A sentence for people, without a full stop. */
  readonly text: string;
}

/** What a Clerk that says `state` waits for, judged by how its servers are. */
export function describeWaiting(state: ClerkWaiting, reports: readonly ServerReport[]): Obstacle {
  const up = reports.filter((report) => report.kind === "up");
  const down = reports.filter((report) => report.kind === "down");
  if (up.length === 0) {
    const reasons = [...new Set(down.map((report) => report.reason))].join("; ");
    const addresses = reports.map((report) => report.address).join(", ");
    return { kind: "silence", text: `Waiting for a server: ${addresses} cannot be reached (${reasons})` };
  }
  if (findLeader(reports) !== null) return { kind: state.reason, text: describeReason(state) };
  const members = Math.max(...up.map((report) => report.peers.length + 1));
  const majority = Math.floor(members / 2) + 1;
  const answering = `${up.length} of ${members} nodes ${up.length === 1 ? "answers" : "answer"}`;
  if (up.length >= majority) return { kind: "election", text: `Waiting for a leader: ${answering}, none leads yet` };
  const missing = down.length === 0 ? "" : `; not reachable: ${down.map((report) => report.address).join(", ")}`;
  return { kind: "minority", text: `Waiting for a leader: ${answering}, ${majority} are needed${missing}` };
}

function describeReason({ reason, server, detail }: ClerkWaiting): string {
  const more = detail === "" ? "" : ` (${detail})`;
  switch (reason) {
    case "connecting":
      return `Waiting for a connection to ${server}${more}`;
    case "unreachable":
      return `Waiting for a server: ${server} cannot be reached${more}`;
    case "noLeader":
      return `Waiting for the leader: ${server} does not lead${more}`;
    case "noReply":
      return `Waiting for an answer from ${server}${more}`;
    case "overloaded":
      return `Waiting: ${server} has too much to do${more}`;
    case "diskFull":
      return `Waiting for room: the disk of ${server} is full${more}`;
    case "unavailable":
      return `Waiting: ${server} cannot serve the call now${more}`;
  }
}

/** Shows and hides the notice. */
export class WaitingNotice {
  readonly #output: Output;
  #obstacle: Obstacle | null = null;
  #isShown = false;

  /** `output` is where the notice appears. */
  constructor(output: Output) {
    this.#output = output;
  }

  /** What the present call is waiting for, or null. */
  get obstacle(): Obstacle | null {
    return this.#obstacle;
  }

  /** The present call has been waiting for `waitedMs`. */
  show(obstacle: Obstacle, waitedMs: number): void {
    const isNews = obstacle.kind !== this.#obstacle?.kind;
    this.#obstacle = obstacle;
    if (this.#output.isTerminal) {
      // What does not fit the line would not be cleared with it.
      const notice = `${Math.round(waitedMs / 1000)} s, Ctrl-C gives up: ${obstacle.text}`.slice(
        0,
        this.#output.columns - 1,
      );
      // Return, clear to the end of the line: the notice replaces the one before it.
      this.#output.control(`\r\x1b[K${palette(this.#output.colors).faint(notice)}`);
      this.#isShown = true;
    } else if (isNews) {
      this.#output.note(obstacle.text);
    }
  }

  /** The call is over. */
  clear(): void {
    this.#obstacle = null;
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#output.control("\r\x1b[K");
  }
}
