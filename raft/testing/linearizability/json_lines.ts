/**
 * Histories as text: JSON Lines, one event a line, each ended by a line feed.
 *
 * @module
 */
import {
  type EventType,
  eventTypes,
  type History,
  HistoryBuilder,
  HistoryError,
  type HistoryEvent,
} from "./history.ts";
import type { JsonValue } from "./history.ts";

/** One event as one line, without the line feed. */
export function formatEvent(event: HistoryEvent): string {
  // Spelled out: the order of the fields is part of what a reader of the file sees, and extra fields stay out.
  const { process, type, f, key, value, time } = event;
  return JSON.stringify({ process, type, f, key, value, time });
}

/** Events as JSON Lines. */
export function formatHistory(events: Iterable<HistoryEvent>): string {
  let text = "";
  for (const event of events) text += formatEvent(event) + "\n";
  return text;
}

/** Reads a history held in one string; throws {@linkcode HistoryError} with the number of the first bad line. */
export function parseHistory(text: string): History {
  const reader = new LineReader();
  reader.push(text);
  return reader.finish();
}

/**
 * Reads a history from pieces of text, cut anywhere (a file's decoded stream); rejects with {@linkcode HistoryError} and the
 * number of the first bad line.
 */
export async function readHistory(pieces: AsyncIterable<string> | Iterable<string>): Promise<History> {
  const reader = new LineReader();
  for await (const piece of pieces) reader.push(piece);
  return reader.finish();
}

/** Cuts text into lines and feeds them to a {@linkcode HistoryBuilder}. */
class LineReader {
  readonly #builder = new HistoryBuilder();
  #rest = "";
  #lineCount = 0;

  push(piece: string): void {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line, false);
  }

  finish(): History {
    if (this.#rest !== "") this.#line(this.#rest, true);
    return this.#builder.build();
  }

  #line(line: string, isUnended: boolean): void {
    this.#lineCount++;
    this.#builder.add(parseEvent(line, this.#lineCount, isUnended));
  }
}

/** One line as an event. `isUnended` tells that no line feed followed, as when a writer died half-way through the line. */
function parseEvent(line: string, lineNumber: number, isUnended: boolean): HistoryEvent {
  if (line.trim() === "") throw new HistoryError(lineNumber, "the line is empty; each line must hold one event");
  let parsed: JsonValue;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new HistoryError(
      lineNumber,
      isUnended
        ? `the file ends in the middle of an event (${detail}); it was truncated, so calls and answers may be missing`
        : `not JSON (${detail})`,
    );
  }
  if (!isRecord(parsed)) throw new HistoryError(lineNumber, `an event must be a JSON object: found ${show(parsed)}`);
  return {
    process: count(parsed, "process", lineNumber),
    type: eventType(parsed, lineNumber),
    f: name(parsed, lineNumber),
    key: key(parsed, lineNumber),
    value: field(parsed, "value", lineNumber),
    time: count(parsed, "time", lineNumber),
  };
}

/** A JSON object. */
type JsonRecord = { readonly [name: string]: JsonValue };

function isRecord(value: JsonValue): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function field(record: JsonRecord, fieldName: string, lineNumber: number): JsonValue {
  const value = Object.hasOwn(record, fieldName) ? record[fieldName] : undefined;
  if (value === undefined) {
    throw new HistoryError(
      lineNumber,
      `field "${fieldName}" is missing; an event has process, type, f, key, value, time`,
    );
  }
  return value;
}

/** A whole number from 0 that a double holds exactly: 2^53 nanoseconds are 104 days, enough for a relative time. */
function count(record: JsonRecord, fieldName: "process" | "time", lineNumber: number): number {
  const value = field(record, fieldName, lineNumber);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new HistoryError(
      lineNumber,
      `field "${fieldName}" must be a whole number from 0 to 2^53 - 1: found ${show(value)}`,
    );
  }
  return value;
}

function eventType(record: JsonRecord, lineNumber: number): EventType {
  const value = field(record, "type", lineNumber);
  const type = eventTypes.find((known) => known === value);
  if (type === undefined) {
    throw new HistoryError(lineNumber, `field "type" must be one of ${eventTypes.join(", ")}: found ${show(value)}`);
  }
  return type;
}

function name(record: JsonRecord, lineNumber: number): string {
  const value = field(record, "f", lineNumber);
  if (typeof value !== "string" || value === "") {
    throw new HistoryError(lineNumber, `field "f" must name a function: found ${show(value)}`);
  }
  return value;
}

function key(record: JsonRecord, lineNumber: number): string | number {
  const value = field(record, "key", lineNumber);
  if (typeof value !== "string" && typeof value !== "number") {
    throw new HistoryError(lineNumber, `field "key" must be a string or a number: found ${show(value)}`);
  }
  return value;
}
