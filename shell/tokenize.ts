/**
 * Splits a line into words, with the quoting that people know from their shell.
 *
 * - Words are separated by spaces and tabs; pieces that touch form one word: `a"b c"` is `ab c`.
 * - Between single quotes every character stands for itself.
 * - Between double quotes `\"`, `\\`, `\n`, `\r` and `\t` are a quote, a backslash, a line feed, a carriage return and
 *   a tab; before any other character the backslash stands for itself.
 * - Outside quotes a backslash takes the next character as it is.
 * - A line whose first word begins with `#` is a comment.
 *
 * @module
 */

/** The words of a line, or why it cannot be read. */
export type Tokens =
  | {
    /** The line could be read. */
    readonly kind: "words";
    /** Its words; none for a blank line or a comment. */
    readonly words: readonly string[];
  }
  | {
    /** The line ends too early. */
    readonly kind: "unfinished";
    /** Says what is missing and how to write it. */
    readonly message: string;
  };

const escapes: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", n: "\n", r: "\r", t: "\t" };

/** Splits `line` into words. */
export function tokenize(line: string): Tokens {
  const words: string[] = [];
  let word: string | null = null;
  let at = 0;
  while (at < line.length) {
    const character = line.charAt(at);
    if (character === " " || character === "\t") {
      if (word !== null) words.push(word);
      word = null;
      at += 1;
    } else if (character === "#" && word === null && words.length === 0) {
      return { kind: "words", words };
    } else if (character === '"' || character === "'") {
      const piece = character === '"' ? readDoubleQuoted(line, at + 1) : readSingleQuoted(line, at + 1);
      if (piece === null) return unclosedQuote(character, at + 1);
      word = (word ?? "") + piece.text;
      at = piece.end;
    } else if (character === "\\") {
      if (at + 1 === line.length) return trailingBackslash;
      word = (word ?? "") + line.charAt(at + 1);
      at += 2;
    } else {
      word = (word ?? "") + character;
      at += 1;
    }
  }
  if (word !== null) words.push(word);
  return { kind: "words", words };
}

/** A quoted piece and the offset after its closing quote. */
interface Piece {
  readonly text: string;
  readonly end: number;
}

function readSingleQuoted(line: string, start: number): Piece | null {
  const close = line.indexOf("'", start);
  return close === -1 ? null : { text: line.slice(start, close), end: close + 1 };
}

function readDoubleQuoted(line: string, start: number): Piece | null {
  let text = "";
  for (let at = start; at < line.length; at += 1) {
    const character = line.charAt(at);
    if (character === '"') return { text, end: at + 1 };
    if (character === "\\" && at + 1 < line.length) {
      at += 1;
      text += escapes[line.charAt(at)] ?? `\\${line.charAt(at)}`;
    } else {
      text += character;
    }
  }
  return null;
}

function unclosedQuote(quote: string, column: number): Tokens {
  return {
    kind: "unfinished",
    message: `Cannot read the line: the quote opened at column ${column} is never closed; ` +
      `close it or escape it as \\${quote}`,
  };
}

const trailingBackslash: Tokens = {
  kind: "unfinished",
  message: "Cannot read the line: it ends in a backslash; write \\\\ for the backslash itself",
};
