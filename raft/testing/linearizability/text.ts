/**
 * Text for messages and pages.
 *
 * @module
 */

const entities: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

/** Text as it must be written to be read as text, between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (character) => entities.get(character) ?? character);
}

/** At most `length` characters of the text; a longer one ends in "…". Characters outside the basic plane are not cut in two. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  return length < 1 ? "" : `${text.slice(0, length - 1).toWellFormed()}…`;
}
