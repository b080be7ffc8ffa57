/**
 * The `balsa` command.
 *
 * @example
 * ```sh
 * deno run -A shell/main.ts start
 * ```
 *
 * @module
 */
import { standardOutput } from "./output.ts";
import { runProgram } from "./program.ts";

if (import.meta.main) Deno.exit(await runProgram(Deno.args, standardOutput()));
