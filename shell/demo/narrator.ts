/**
 * Tells the story of the demo, and keeps the account of what was claimed and found true.
 *
 * @module
 */
import type { Output } from "../output.ts";
import { type Palette, palette } from "../render.ts";

/** Prints chapters, sentences and checked claims. */
export class Narrator {
  /** Colours for words in sentences. */
  readonly colors: Palette;
  readonly #output: Output;
  #chapters = 0;
  #claims = 0;
  #failed = 0;

  /** Tells it to `output`. */
  constructor(output: Output) {
    this.#output = output;
    this.colors = palette(output.colors);
  }

  /** Claims made so far. */
  get claims(): number {
    return this.#claims;
  }

  /** Claims that turned out wrong. */
  get failed(): number {
    return this.#failed;
  }

  /** Begins a chapter. */
  chapter(title: string): void {
    this.#chapters += 1;
    this.#output.result(`\n${this.colors.strong(`${this.#chapters}. ${title}`)}`);
  }

  /** Says what happens. */
  say(sentence: string): void {
    this.#output.result(`   ${sentence}`);
  }

  /** Shows a command and what it prints. */
  shell(command: string, result: string): void {
    this.#output.result(`   ${this.colors.faint("balsa>")} ${command}`);
    if (result !== "") this.#output.result(`   ${result}`);
  }

  /** States something that has been checked; a wrong claim makes the whole demo fail. */
  claim(isTrue: boolean, claim: string): void {
    this.#claims += 1;
    if (!isTrue) this.#failed += 1;
    this.#output.result(
      isTrue ? `   ${this.colors.good("✓")} ${claim}` : `   ${this.colors.bad(`✗ NOT SO: ${claim}`)}`,
    );
  }
}
