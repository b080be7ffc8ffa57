/**
 * Where the shell writes: results to standard output, everything else to standard error.
 *
 * @module
 */

/** Receives what the shell says. */
export interface Output {
  /** True when the results are read by a person: standard output is a terminal. */
  readonly isTerminal: boolean;
  /** True when a person sees remarks, wherever the results go: standard error is a terminal. */
  readonly isAttended: boolean;
  /** True when nobody reads the results any more. */
  readonly isClosed: boolean;
  /** True when colours may be used: a terminal, and NO_COLOR is not set (no-color.org). */
  readonly colors: boolean;
  /** Width of the terminal in characters; 80 when it is not known. */
  readonly columns: number;
  /** Writes a result and a line feed. */
  result(text: string): void;
  /** Writes a remark, a warning or an error and a line feed, apart from the results. */
  note(text: string): void;
  /** Writes to the terminal as it is: control sequences that clear the screen or a line. */
  control(sequence: string): void;
}

const encoder = new TextEncoder();

/** Writes all of it; false if the reader has gone away (`balsa … | head -1`), which is no error of ours. */
function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  let rest = encoder.encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    return false;
  }
  return true;
}

/** Output to this process's own standard output and error. */
export function standardOutput(): Output {
  const isTerminal = Deno.stdout.isTerminal();
  let isClosed = false;
  return {
    isTerminal,
    isAttended: Deno.stderr.isTerminal(),
    get isClosed() {
      return isClosed;
    },
    colors: isTerminal && !Deno.noColor,
    get columns() {
      return terminalColumns();
    },
    result: (text) => {
      if (!writeAll(Deno.stdout, `${text}\n`)) isClosed = true;
    },
    note: (text) => void writeAll(Deno.stderr, `${text}\n`),
    control: (sequence) => void writeAll(Deno.stderr, sequence),
  };
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80; // Not a terminal, or one that does not say.
  }
}
