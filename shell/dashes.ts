/**
 * Values may begin with a dash (`append color -green`), which a parser of command lines would take for an option. Such
 * words are marked before they are parsed and unmarked when they are used.
 *
 * The mark is the character NUL, which no command line of an operating system can contain.
 *
 * @module
 */

const mark = "\0";

/** Marks a word, so that it is never taken for an option nor for "no word at all". */
export function hideWord(word: string): string {
  return mark + word;
}

/** Takes the mark off, if there is one. */
export function revealWord(word: string): string {
  return word.startsWith(mark) ? word.slice(mark.length) : word;
}

/** Takes the marks off a message that quotes words. */
export function revealWords(message: string): string {
  return message.replaceAll(mark, "");
}

/** The commands whose words are keys and values. */
const valueCommands = new Set([
  "get",
  "put",
  "append",
  "cas",
  "del",
  "incr",
  "scan",
  "txn",
  "lock",
  "export",
  "import",
  "watch",
  "lease",
]);

/**
 * Marks the words of a one-shot get, put, append and the like that are values although they begin with a dash: those after a lone
 * `--`, and those that begin with one dash only and are longer than an option's short name (`-green`, `-17`). Words
 * that begin with two dashes stay options, so that a misspelt one is reported.
 */
export function hideDashedValues(words: readonly string[]): string[] {
  if (!valueCommands.has(words[0] ?? "")) return [...words];
  const end = words.indexOf("--");
  const head = end === -1 ? words : words.slice(0, end);
  const tail = end === -1 ? [] : words.slice(end + 1);
  return [...head.map((word, at) => isValue(word, words[at - 1] ?? "") ? hideWord(word) : word), ...tail.map(hideWord)];
}

function isValue(word: string, previous: string): boolean {
  // What follows an option is its own business: an empty --servers is to be reported as such.
  if (/^--[^=]+$/.test(previous)) return false;
  return word === "" || /^-\d$/.test(word) || (word.length > 2 && /^-[^-]/.test(word));
}
