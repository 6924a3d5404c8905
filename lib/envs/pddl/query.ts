/**
 * The runtime of compiled texts: placeholders in slots, and queries joined over facts.
 *
 * @module
 */

import { GameError } from "./error.ts";
import { factIndex, type FactList } from "./facts.ts";

/** Characters a derived text may have. */
export const MAX_LENGTH = 64_000;
/** Placeholders a text may bind. */
export const MAX_SLOTS = 64;
/** Rules and facts that one derivation may visit. */
export const FUEL = 1_000_000;

/** The inputs of a derivation, and its working memory. */
export interface Derivation {
  facts: Uint8Array;
  /** Entity of each placeholder in reach. */
  readonly slots: Int32Array;
  /** Rules and facts that may still be visited. */
  fuel: number;
  /** Values of the query being written. */
  values: string[];
}

/** A compiled text. */
export type Text = (derivation: Derivation) => string;

/** Allocates slots for any text. */
export function createDerivation(): Derivation {
  return {
    facts: new Uint8Array(0),
    slots: new Int32Array(MAX_SLOTS).fill(-1),
    fuel: FUEL,
    values: [],
  };
}

/** Derives a text: the parameters are in the first slots already. */
export function derive(
  text: Text,
  derivation: Derivation,
  facts: Uint8Array,
): string {
  derivation.facts = facts;
  derivation.fuel = FUEL;
  return text(derivation);
}

/** The error for a text that grows too long. */
export function tooLong(where: string): GameError {
  return new GameError(`a text may have ${MAX_LENGTH} characters`, {
    code: "E_GRAMMAR_LIMIT",
    section: "grammar",
    where,
  });
}

/** Counts work against the derivation's allowance. */
export function burn(d: Derivation, work: number): void {
  if ((d.fuel -= work) >= 0) return;
  throw new GameError(`a text may look at ${FUEL} rules and facts`, {
    code: "E_GRAMMAR_LIMIT",
    section: "grammar",
  });
}

/** Tries the facts of one atom in order; slots from `bound` on are free before it. */
export function matchAtom(
  list: FactList,
  slots: readonly number[],
  bound: number,
  next: (derivation: Derivation) => boolean,
): (derivation: Derivation) => boolean {
  const { columns, places, mask } = list;
  const arity = slots.length;
  // The first occurrence of a free placeholder binds it; later ones compare.
  const binds = slots.map((slot, i) =>
    slot >= bound && slots.indexOf(slot) === i
  );
  const known = slots.flatMap((_, i) => binds[i] ? [] : [i]).filter((i) =>
    slots[i]! < bound
  );
  const indexes = known.map((i) => factIndex(list, i));
  const keys = known.map((i) => slots[i]!);
  return (d) => {
    // The argument that fits fewest facts leads; without one every fact is tried.
    let items: Int32Array | undefined, from = 0, to = places.length;
    for (let k = 0; k < keys.length; k++) {
      const { starts, items: candidates } = indexes[k]!;
      const entity = d.slots[keys[k]!]!;
      const start = starts[entity]!, end = starts[entity + 1]!;
      if (items !== undefined && end - start >= to - from) continue;
      [items, from, to] = [candidates, start, end];
    }
    burn(d, to - from);
    for (let c = from; c < to; c++) {
      const fact = items === undefined ? c : items[c]!;
      const place = places[fact]!;
      if (place >= 0 && !(d.facts[place]! & mask)) continue;
      let fits = true, width = bound;
      for (let i = 0; fits && i < arity; i++) {
        const entity = columns[i]![fact]!;
        const slot = slots[i]!;
        if (!binds[i]) {
          fits = d.slots[slot] === entity;
          continue;
        }
        // A placeholder never takes an entity that another one holds.
        for (let s = 0; fits && s < width; s++) fits = d.slots[s] !== entity;
        d.slots[slot] = entity;
        width++;
      }
      if (!fits) continue;
      if (next(d)) return true;
    }
    return false;
  };
}
