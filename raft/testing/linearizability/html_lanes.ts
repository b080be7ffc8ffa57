/**
 * One partition of a history as an SVG image: a lane per process, a bar per call.
 *
 * @module
 */
import type { Operation } from "./history.ts";
import { escapeHtml, shorten } from "./text.ts";

/** What to draw. */
export interface Lanes {
  /** The calls, in order of invocation. */
  readonly operations: readonly Operation[];
  /** Those that took effect, in the order found. */
  readonly order: readonly Operation[];
  /** The index of the call that cannot be explained, if there is one. */
  readonly offending: number | undefined;
  /** A call for a reader. */
  readonly describe: (operation: Operation) => string;
}

const eventWidthPixels = 44;
const laneHeightPixels = 40;
const barHeightPixels = 20;
const gutterPixels = 90;
const characterWidthPixels = 6.7;

/** Draws the lanes. */
export function drawLanes(lanes: Lanes): string {
  const columns = columnsOf(lanes.operations);
  const processes = [...new Set(lanes.operations.map((operation) => operation.process))].sort((a, b) => a - b);
  const laneOf = new Map(processes.map((process, lane) => [process, lane]));
  const width = gutterPixels + (columns.size + 2) * eventWidthPixels;
  const height = processes.length * laneHeightPixels + 12;
  const points = pointsOf(lanes.order, columns);
  const parts = processes.map((process, lane) => drawLane(process, lane, width));
  for (const operation of lanes.operations) {
    const top = (laneOf.get(operation.process) ?? 0) * laneHeightPixels;
    parts.push(drawBar(lanes, operation, columns, points.get(operation.index), top));
  }
  const offending = lanes.operations.find((operation) => operation.index === lanes.offending);
  if (offending !== undefined) {
    const x = xOf(columns.get(offending.returnLine) ?? 0);
    parts.push(`<line class="break" x1="${x}" y1="0" x2="${x}" y2="${height}"/>`);
  }
  return `<div class="lanes"><svg role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">\n` +
    `${parts.join("\n")}\n</svg></div>`;
}

/** Where a call is put on the linearization. */
interface Point {
  /** Its place, from 1. */
  readonly number: number;
  /** Its instant, in columns. */
  readonly column: number;
}

/** Each line of the history that concerns this partition gets a column. */
function columnsOf(operations: readonly Operation[]): Map<number, number> {
  const lines = operations.flatMap((operation) => [operation.invokeLine, operation.returnLine]);
  const sorted = lines.filter((line) => line !== Infinity).sort((left, right) => left - right);
  return new Map(sorted.map((line, column) => [line, column]));
}

/**
 * The instants: a call takes effect at the latest invocation of those up to it in the order. Several at one instant are spread
 * between it and the next event.
 */
function pointsOf(order: readonly Operation[], columns: ReadonlyMap<number, number>): Map<number, Point> {
  const groups: { readonly column: number; readonly members: Operation[] }[] = [];
  for (const operation of order) {
    const column = columns.get(operation.invokeLine) ?? 0;
    const last = groups.at(-1);
    if (last !== undefined && column <= last.column) last.members.push(operation);
    else groups.push({ column, members: [operation] });
  }
  const points = new Map<number, Point>();
  for (const { column, members } of groups) {
    members.forEach((operation, place) => {
      points.set(operation.index, { number: points.size + 1, column: column + (place + 1) / (members.length + 1) });
    });
  }
  return points;
}

function xOf(column: number): number {
  return Math.round(gutterPixels + (column + 0.5) * eventWidthPixels);
}

function drawLane(process: number, lane: number, width: number): string {
  const y = (lane + 1) * laneHeightPixels - barHeightPixels / 2;
  return `<line class="lane" x1="0" y1="${y}" x2="${width}" y2="${y}"/>` +
    `<text x="6" y="${y - 4}">process ${process}</text>`;
}

function drawBar(
  lanes: Lanes,
  operation: Operation,
  columns: ReadonlyMap<number, number>,
  point: Point | undefined,
  top: number,
): string {
  const left = xOf(columns.get(operation.invokeLine) ?? 0);
  const right = operation.status === "unknown" ? xOf(columns.size + 1) : xOf(columns.get(operation.returnLine) ?? 0);
  const y = top + laneHeightPixels - barHeightPixels;
  const description = lanes.describe(operation);
  const label = shorten(description, Math.floor((right - left - 8) / characterWidthPixels));
  const parts = [
    `<title>${escapeHtml(tooltip(operation, description, point))}</title>`,
    `<rect x="${left}" y="${y}" width="${Math.max(right - left, 4)}" height="${barHeightPixels}" rx="3"/>`,
    `<text x="${left + 4}" y="${y + 14}">${escapeHtml(label)}</text>`,
  ];
  if (point !== undefined) {
    const x = xOf(point.column);
    parts.push(`<circle class="dot" cx="${x}" cy="${y}" r="3.5"/>`);
    parts.push(`<text class="number" x="${x}" y="${y - 6}">${point.number}</text>`);
  }
  return `<g class="${classesOf(lanes, operation, point)}">${parts.join("")}</g>`;
}

function classesOf(lanes: Lanes, operation: Operation, point: Point | undefined): string {
  if (operation.index === lanes.offending) return "bar offending";
  if (operation.status === "fail") return "bar failed";
  const placed = point === undefined ? "rest" : "placed";
  return operation.status === "unknown" ? `bar ${placed} unknown` : `bar ${placed}`;
}

function tooltip(operation: Operation, description: string, point: Point | undefined): string {
  const { process, status, invokeLine, returnLine, invokeTimeNanoseconds, returnTimeNanoseconds } = operation;
  const place = point === undefined ? "not in the order" : `number ${point.number} in the order`;
  const end = status === "unknown"
    ? "fate unknown"
    : `${status} at ${returnTimeNanoseconds} ns (line ${returnLine}), after ${
      returnTimeNanoseconds - invokeTimeNanoseconds
    } ns`;
  return `${description}\nprocess ${process}, ${place}\ninvoked at ${invokeTimeNanoseconds} ns (line ${invokeLine})\n${end}`;
}
