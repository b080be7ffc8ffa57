/**
 * Runs the tests of memory for `deno task lab` and `deno task test`: always in real time, each in a process of its own.
 *
 * @module
 */
import { courseTimeLimitMs } from "../harness/lab_test_case.ts";
import { memoryCases } from "../scenarios/memory.ts";
import { describeFigures, nameWidth } from "../table.ts";
import type { MemoryCase } from "./memory_case.ts";
import type { MemoryReport } from "./process.ts";

/** So many clients has the course. */
export const courseClients = 100_000;

/** How a test of memory went. */
export interface MemoryRun extends MemoryReport {
  /** Null when it has passed. */
  readonly failure: string | null;
}

/** The tests of memory that the filters of the command line mean; all without filters. */
export function chosenMemoryCases(filters: readonly string[]): readonly MemoryCase[] {
  return memoryCases.filter(({ suite, name }) =>
    filters.length === 0 ||
    filters.some((filter) => filter.includes("/") ? `${suite}/${name}`.startsWith(filter) : name.includes(filter))
  );
}

/** Runs a test with so many clients; over TCP where that is wanted. */
export async function runMemoryCase(test: MemoryCase, clients: number, isReal: boolean): Promise<MemoryRun> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "-A",
        "--quiet",
        "--no-check",
        "--v8-flags=--expose-gc",
        new URL("./process.ts", import.meta.url).href,
      ],
      ...[`${test.suite}/${test.name}`, String(clients), isReal ? "tcp" : "memory"],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), courseTimeLimitMs);
  const { success, stdout, stderr } = await child.output();
  clearTimeout(timer);
  if (!success) {
    const said = new TextDecoder().decode(stderr).trim() || `it took more than ${courseTimeLimitMs / 1000} s`;
    return { growthBytes: NaN, operations: 0, seconds: NaN, failure: said };
  }
  const report: MemoryReport = JSON.parse(new TextDecoder().decode(stdout));
  const limitBytes = test.limitBytes(clients);
  const isWithin = report.growthBytes <= limitBytes;
  return {
    ...report,
    failure: isWithin ? null : `memory grew by ${report.growthBytes} bytes, more than ${limitBytes}`,
  };
}

/** Runs tests one after another and prints a line for each; returns how many have failed. */
export async function runMemoryCases(cases: readonly MemoryCase[], isReal: boolean): Promise<number> {
  let failed = 0;
  if (cases.length > 0) {
    console.log(`${"memory".padEnd(nameWidth)}   passed seconds  growth bytes       limit    ops   2024 and 2025`);
  }
  for (const test of cases) {
    const { failure, growthBytes, operations, seconds } = await runMemoryCase(test, courseClients, isReal);
    const columns = [
      (failure === null ? "1/1" : "0/1").padStart(9),
      seconds.toFixed(1).padStart(8),
      String(growthBytes).padStart(14),
      String(test.limitBytes(courseClients)).padStart(12),
      String(operations).padStart(7),
    ];
    const name = `${test.suite}/${test.name}`.padEnd(nameWidth);
    console.log(`${name}${columns.join("")}   ${describeFigures(test, [2024, 2025])}`.trimEnd());
    if (failure === null) continue;
    console.log(`  ${failure}`);
    failed++;
  }
  return failed;
}
