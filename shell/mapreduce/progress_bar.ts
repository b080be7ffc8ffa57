/**
 * Shows how a job gets on: a bar on a terminal, a line now and then elsewhere.
 *
 * @module
 */
import type { JobStatus } from "../../mapreduce/mod.ts";
import { renderBar } from "../bar.ts";
import type { Output } from "../output.ts";

/** See the module. */
export class ProgressBar {
  readonly #output: Output;
  #shown = "";

  constructor(output: Output) {
    this.#output = output;
  }

  /** Shows a status. */
  show(status: JobStatus): void {
    const text = this.#output.isTerminal ? `\r\x1b[K${barOf(status)}` : lineOf(status);
    if (text === this.#shown) return;
    this.#shown = text;
    if (this.#output.isTerminal) this.#output.control(text);
    else this.#output.note(text);
  }

  /** Removes the bar, so that something else can be written. */
  clear(): void {
    if (this.#output.isTerminal && this.#shown !== "") this.#output.control("\r\x1b[K");
    this.#shown = "";
  }
}

function barOf(status: JobStatus): string {
  const total = status.maps + status.reduces;
  return renderBar((status.mapsDone + status.reducesDone) / total, figuresOf(status));
}

/** Changes only when a quarter more of a phase is done: a log is no terminal. */
function lineOf(status: JobStatus): string {
  const quarters = (done: number, of: number): string => `${25 * Math.floor(4 * done / of)}%`;
  return `${status.job}: map ${quarters(status.mapsDone, status.maps)}, ` +
    `reduce ${quarters(status.reducesDone, status.reduces)}`;
}

/** How much of a job is done. */
export function figuresOf(status: JobStatus): string {
  const repeated = status.repeated === 0 ? "" : `, ${status.repeated} attempts repeated`;
  return `map ${status.mapsDone}/${status.maps}, reduce ${status.reducesDone}/${status.reduces}${repeated}`;
}
