/**
 * Stands in for `@std/cli` where JSR cannot be reached: `parseArgs`, over `npm:minimist`.
 *
 * @module
 */
export { parseArgs, type ParseOptions } from "./parse_args.ts";
