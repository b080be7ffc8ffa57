/**
 * News that comes while the user may be typing, such as the end of a node.
 *
 * @module
 */

/** Passes news on to whoever owns the terminal at the time. */
export class Announcer {
  #show: (text: string) => void;

  /** Until somebody else owns the terminal, `show` shows the news. */
  constructor(show: (text: string) => void) {
    this.#show = show;
  }

  /** Shows the news. */
  announce(text: string): void {
    this.#show(text);
  }

  /** From now on `show` shows the news. */
  hand(show: (text: string) => void): void {
    this.#show = show;
  }
}
