/**
 * Prints a table: texts to the left, numbers to the right.
 *
 * @module
 */

/** Prints rows under headings. */
export function printTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const cells = rows.map((row) => row.map((cell) => typeof cell === "number" ? cell.toLocaleString("en-US") : cell));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => row[column]?.length ?? 0))
  );
  const line = (row: readonly string[], isNumber: (column: number) => boolean): string =>
    row.map((cell, column) => isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))
      .join("  ").trimEnd();
  console.log(line(headings, (column) => typeof rows[0]?.[column] === "number"));
  for (const [at, row] of cells.entries()) console.log(line(row, (column) => typeof rows[at]?.[column] === "number"));
}
