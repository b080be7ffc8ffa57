/**
 * Mixing 32-bit words into a 32-bit state: the rounds and the finish of MurmurHash3 (Austin Appleby, public domain). Finds
 * what differs by accident; no defence against somebody who looks for collisions.
 *
 * @module
 */

/** Mixes a word into a state. For a given word different states give different ones, so a difference once made stays. */
export function mixWord(state: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e2d51);
  scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  const joined = state ^ scrambled;
  return (Math.imul((joined << 13) | (joined >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads each bit of a state over all others, so that sums of finished states do not cancel out. */
export function finishMix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
