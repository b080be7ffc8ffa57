/**
 * What a section of the benchmark has found: tables of figures, and charts of them; and both as text.
 *
 * @module
 */

/** Figures in rows. */
export interface Table {
  /** What they are of. */
  readonly title: string;
  /** What to keep in mind when reading them; may be empty. */
  readonly note: string;
  /** Headings; numbers stand under those with their unit. */
  readonly columns: readonly string[];
  /** A cell for each column. */
  readonly rows: readonly (readonly (string | number)[])[];
}

/** Lines over one axis. */
export interface Chart {
  /** What it shows. */
  readonly title: string;
  /** What is to the right, with its unit. */
  readonly xLabel: string;
  /** What is upwards, with its unit. */
  readonly yLabel: string;
  /** Points from left to right, positive. */
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

/** What a section has found. */
export interface Findings {
  /** Its tables. */
  readonly tables: readonly Table[];
  /** Its charts; each has figures of the tables. */
  readonly charts: readonly Chart[];
}

/** A figure with as many digits as say something. */
export function shownNumber(value: number): string {
  if (!Number.isFinite(value)) return "-";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en");
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function shownCell(cell: string | number): string {
  return typeof cell === "number" ? shownNumber(cell) : cell;
}

/** A table for a terminal. */
export function tableText({ title, note, columns, rows }: Table): string {
  const cells = [columns, ...rows.map((row) => row.map(shownCell))];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row) =>
    row.map((cell, at) => at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)).join("  ").trimEnd()
  );
  return `${title}\n${note === "" ? "" : `(${note})\n`}${lines.join("\n")}\n`;
}

/** A table for a page; texts are escaped. */
export function tableHtml({ title, note, columns, rows }: Table): string {
  const row = (tag: string, cells: readonly (string | number)[]): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(shownCell(cell))}</${tag}>`).join("")}</tr>`;
  return `<h2>${escapeHtml(title)}</h2>\n${note === "" ? "" : `<p>${escapeHtml(note)}</p>\n`}<table>\n` +
    `${row("th", columns)}\n${rows.map((cells) => row("td", cells)).join("\n")}\n</table>\n`;
}

/** Text that may stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
