/**
 * Turns what commands find out into text. Pure functions: nothing here prints.
 *
 * @module
 */
import type { ReachableServer, ServerReport } from "./server_report.ts";

/** The colours the shell uses, by meaning. */
export interface Palette {
  /** Good news. */
  good(text: string): string;
  /** Bad news. */
  bad(text: string): string;
  /** What matters most in its line. */
  strong(text: string): string;
  /** What may be skipped. */
  faint(text: string): string;
}

/** A palette of ANSI colours, or one that leaves text as it is. */
export function palette(colors: boolean): Palette {
  const paint = (start: number, end: number) => (text: string): string =>
    colors ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  return { good: paint(32, 39), bad: paint(31, 39), strong: paint(1, 22), faint: paint(2, 22) };
}

/** Width of text on the screen, without the sequences that colour it. */
function width(text: string): number {
  return text.replace(/\p{Cc}\[\d+m/gu, "").length;
}

/** Lays rows out in columns two spaces apart; columns whose header begins with ">" are right-aligned. */
export function renderTable(headers: readonly string[], rows: readonly (readonly string[])[], colors: Palette): string {
  const alignRight = headers.map((header) => header.startsWith(">"));
  const titles = headers.map((header) => colors.faint(header.replace(/^>/, "")));
  const widths = titles.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ""))));
  const renderRow = (row: readonly string[]): string =>
    row.map((cell, column) => {
      const padding = " ".repeat((widths[column] ?? 0) - width(cell));
      return alignRight[column] ? padding + cell : cell + padding;
    }).join("  ").trimEnd();
  return [titles, ...rows].map(renderRow).join("\n");
}

/** `1536` as `1.5 KiB`. */
export function renderBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** A duration with as many digits as matter: `0.42 ms`, `12.3 ms`, `1.50 s`. */
export function renderDuration(durationMs: number): string {
  if (durationMs >= 1000) return `${(durationMs / 1000).toFixed(2)} s`;
  return `${durationMs.toFixed(durationMs < 10 ? 2 : 1)} ms`;
}

/** One line for each server, and a sentence below them if something is wrong with the cluster as a whole. */
export function renderStatus(reports: readonly ServerReport[], colors: Palette): string {
  const headers = [
    ...["address", "node", "role", ">term", "leader", ">commitIndex", ">lastApplied", ">log", ">snapshot"],
    ">fsync p50/p99/max ms",
  ];
  const rows = reports.map((report) =>
    report.kind === "down" ? [report.address, colors.bad("unreachable"), report.reason] : [
      report.address,
      report.id,
      renderRole(report, colors),
      String(report.term),
      report.leader ?? "none",
      String(report.commitIndex),
      String(report.lastApplied),
      renderBytes(report.logBytes),
      report.snapshotIndex === 0 ? "none" : `@${report.snapshotIndex}`,
      [report.syncP50Ms, report.syncP99Ms, report.syncMaxMs].map(renderMs).join("/"),
    ]
  );
  // The reason of an unreachable server runs over the columns it has nothing to put in.
  const table = renderTable(headers, rows.filter((row) => row.length === headers.length), colors);
  const down = rows.filter((row) => row.length !== headers.length).map((row) => row.join("  "));
  const upLines = rows.length === down.length ? [] : [table];
  return [...upLines, ...down, ...judge(reports).map((text) => colors.bad(text))].join("\n");
}

function renderRole(report: ReachableServer, colors: Palette): string {
  // A node that has stopped taking part keeps the role it had, which would mislead.
  if (report.state !== "running") return colors.bad(report.state);
  return report.role === "leader" ? colors.good(report.role) : report.role;
}

/** A duration without its unit. */
function renderMs(durationMs: number): string {
  return durationMs.toFixed(durationMs < 10 ? 2 : 0);
}

function judge(reports: readonly ServerReport[]): string[] {
  const up = reports.filter((report): report is ReachableServer => report.kind === "up");
  if (up.length === 0) return ["No server answers; is the cluster running?"];
  const problems = up.flatMap(problemsOf);
  if (findLeader(reports) === null) {
    problems.push("No leader: a majority of the nodes must be up and connected before the cluster can answer.");
  }
  return problems;
}

function problemsOf({ id, state, isDiskFull }: ReachableServer): string[] {
  const problems: string[] = [];
  if (isDiskFull) problems.push(`${id} has no room on its disk: it takes no writes until there is some.`);
  if (state === "diverged") {
    problems.push(
      `${id} has, or may have, another state than the other replicas: it serves nothing. Its log says more.`,
    );
  }
  return problems;
}

/** The leader with the highest term: one of an older term has been deposed and does not know it yet. */
export function findLeader(reports: readonly ServerReport[]): ReachableServer | null {
  let leader: ReachableServer | null = null;
  for (const report of reports) {
    if (report.kind !== "up" || report.state !== "running" || report.role !== "leader") continue;
    if (report.term > (leader?.term ?? -1)) leader = report;
  }
  return leader;
}

/**
 * A value as it may be shown on a terminal: control characters other than line feed and tab appear as `\x1b`, so that
 * a stored value cannot move the cursor or change colours.
 */
export function renderForTerminal(value: string): string {
  return value.replace(
    /(?![\n\t])\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
