/**
 * `deno task check-history FILE [--html OUT] [--max-steps N] [--max-seconds N]`: is a recorded history linearizable?
 *
 * Prints the verdict. Exit status: 0 linearizable, 1 not linearizable, 2 undecided (not a pass), 3 the history or the command
 * line cannot be read.
 *
 * @module
 */
import { parseArgs } from "node:util";
import {
  checkLinearizability,
  type CheckOptions,
  drawHistory,
  type History,
  HistoryError,
  ModelError,
  readHistory,
  type Verdict,
} from "../raft/testing/linearizability/mod.ts";

const usage = "Usage: check-history FILE [--html OUT] [--max-steps N] [--max-seconds N]";

/** The exit status of each verdict. */
const statusOf: Record<Verdict["kind"], number> = { linearizable: 0, notLinearizable: 1, undecided: 2 };
const unreadableStatus = 3;

/** A mistake of the command line or of the file system, to be shown without a stack. */
class CommandError extends Error {
  /** The class name, for logs. */
  override readonly name = "CommandError";
}

/** What the command line asks for. */
interface Command {
  readonly file: string;
  readonly html: string | undefined;
  readonly options: CheckOptions;
}

function parseCommand(commandLine: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...commandLine],
    options: { "html": { type: "string" }, "max-steps": { type: "string" }, "max-seconds": { type: "string" } },
    allowPositionals: true,
  });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    throw new CommandError(`Cannot check: expected one file, found ${positionals.length}. ${usage}`);
  }
  const maxSteps = positive("--max-steps", values["max-steps"]);
  const maxSeconds = positive("--max-seconds", values["max-seconds"]);
  return {
    file,
    html: values.html,
    options: {
      ...(maxSteps === undefined ? {} : { maxSteps }),
      ...(maxSeconds === undefined ? {} : { maxMilliseconds: maxSeconds * 1000 }),
    },
  };
}

function positive(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new CommandError(`Cannot check: ${option} must be a number above 0: found "${text}". ${usage}`);
}

async function read(file: string): Promise<History> {
  const opened = await Deno.open(file);
  return await readHistory(opened.readable.pipeThrough(new TextDecoderStream("utf-8", { fatal: true })));
}

async function main(commandLine: readonly string[]): Promise<number> {
  const command = parseCommand(commandLine);
  const history = await read(command.file);
  if (history.operations.length === 0) {
    throw new CommandError(`Cannot check ${command.file}: it holds no events, so nothing would be checked`);
  }
  const start = performance.now();
  const verdict = checkLinearizability(history, command.options);
  const milliseconds = Math.round(performance.now() - start);
  if (verdict.kind === "linearizable") {
    const keys = new Set(history.operations.map((operation) => JSON.stringify(operation.key))).size;
    console.log(`Linearizable: ${history.operations.length} calls on ${keys} keys.`);
  } else console.log(verdict.explanation);
  console.log(`${verdict.steps} steps, ${milliseconds} ms.`);
  if (command.html !== undefined) {
    await Deno.writeTextFile(command.html, drawHistory(history, verdict, { title: `History ${command.file}` }));
    console.log(`Drawn in ${command.html}.`);
  }
  return statusOf[verdict.kind];
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    const isExpected = error instanceof HistoryError || error instanceof ModelError || error instanceof CommandError ||
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
      error instanceof TypeError;
    if (!isExpected) throw error;
    console.error(error.message);
    Deno.exitCode = unreadableStatus;
  }
}
