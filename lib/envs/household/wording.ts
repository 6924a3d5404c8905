/**
 * Household tasks from free-form sentences, by a lexicon.
 *
 * It maps "chilled tomato" to `cool`, and "trash can" to `garbagecan`, and covers most of ALFRED's human
 * sentences. The result is a guess: it serves proposals of subgoals, never the judgment of success.
 *
 * @module
 */

import { OBJECT_CLASSES, RECEPTACLE_CLASSES } from "./tables.ts";
import {
  type HouseholdTask,
  TRANSFORMATION,
  type Transformation,
} from "./task.ts";

/** Synonyms of class names. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  cellphone: ["phone", "mobile"],
  keychain: ["key", "key ring"],
  remotecontrol: ["remote", "controller"],
  soapbar: ["soap", "bar of soap"],
  soapbottle: ["bottle of soap", "soap dispenser", "lotion"],
  spraybottle: ["bottle of spray", "spray"],
  dishsponge: ["sponge"],
  cloth: ["rag", "wash cloth"],
  toiletpaper: ["toilet roll", "roll of toilet paper", "toilet paper roll"],
  tissuebox: ["tissue", "box of tissue"],
  winebottle: ["bottle of wine", "wine", "bottle"],
  creditcard: ["card"],
  laptop: ["computer"],
  newspaper: ["paper"],
  cd: ["disc", "disk"],
  butterknife: ["table knife", "butter knive"],
  knife: ["knive"],
  peppershaker: ["pepper"],
  saltshaker: ["salt"],
  watch: ["wristwatch"],
  handtowel: ["towel"],
  cup: ["glass"],
  statue: ["figurine", "sculpture"],
  alarmclock: ["clock"],
  pan: ["skillet", "frying pan"],
  lettuce: ["head of lettuce"],
  garbagecan: [
    "trash can",
    "trash",
    "trashcan",
    "garbage",
    "bin",
    "waste basket",
  ],
  sofa: ["couch"],
  armchair: ["chair", "recliner"],
  sinkbasin: ["sink"],
  bathtubbasin: ["bathtub", "bath tub", "tub"],
  stoveburner: ["stove", "burner", "stovetop"],
  fridge: ["refrigerator"],
  countertop: ["counter", "kitchen island", "island"],
  sidetable: ["night stand", "nightstand", "end table", "small table"],
  coffeemachine: ["coffee maker", "coffeemaker"],
  toiletpaperhanger: ["toilet paper holder", "toilet paper hanger"],
  tvstand: ["television stand", "entertainment center"],
  diningtable: ["table", "kitchen table"],
  cabinet: ["cupboard"],
  shelf: ["shelves", "bookshelf"],
  desk: ["writing desk"],
  ottoman: ["foot stool", "footstool"],
  laundryhamper: ["hamper"],
};

/** A class that a sentence speaks of. */
interface Mention {
  readonly name: string;
  readonly plural: boolean;
}

/** Words for classes, and one pattern that finds them, longest first. */
interface Lexicon {
  readonly names: ReadonlyMap<string, string>;
  readonly pattern: RegExp;
}

const spell = (name: string) =>
  name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();

/** Longest phrases come first, so that "butter knife" is no "knife". */
function createLexicon(classes: readonly string[]): Lexicon {
  const names = new Map<string, string>();
  for (const type of classes) {
    const name = type.toLowerCase();
    for (const phrase of [name, spell(type), ...SYNONYMS[name] ?? []]) {
      if (!names.has(phrase)) names.set(phrase, name);
    }
  }
  const phrases = [...names.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(`\\b(${phrases.join("|")})(e?s)?\\b`, "g");
  return { names, pattern };
}

const OBJECTS = createLexicon(OBJECT_CLASSES);
const RECEPTACLES = createLexicon(RECEPTACLE_CLASSES);
const LAMP = /\b(?:lamp|light)s?\b/;
const CHANGES: readonly (readonly [Transformation, RegExp])[] = [
  ["heat", /\b(?:heat|hot|warm|cook)(?:s|ed|ing)?\b|\bmicrowaved\b/],
  ["cool", /\b(?:cool|cold|chill|refrigerate|freeze)(?:s|ed|d|ing)?\b/],
  ["clean", /\b(?:clean|wash|rinse)(?:s|d|ed|ing)?\b/],
];
/** The classes that a sentence mentions, in order. */
function mentions(sentence: string, lexicon: Lexicon): Mention[] {
  return Array.from(
    sentence.matchAll(lexicon.pattern),
    ([, phrase, ending]) => ({
      name: lexicon.names.get(phrase!)!,
      plural: ending !== undefined,
    }),
  );
}

/**
 * Guesses what a task sentence in free words asks for.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { guessHouseholdTask } from "@hiper/lab/envs/household";
 *
 * deepStrictEqual(guessHouseholdTask("Put a chilled tomato in the trash can."), {
 *   type: "pick_cool_then_place_in_recep",
 *   object: "tomato",
 *   receptacle: "garbagecan",
 *   transformation: "cool",
 * });
 * ```
 *
 * @param sentence A human sentence.
 * @returns The likeliest task, or `undefined` where no object is recognized.
 */
export function guessHouseholdTask(
  sentence: string,
): HouseholdTask | undefined {
  const words = sentence.toLowerCase();
  const [object] = mentions(words, OBJECTS)
    .filter(({ name }) => !/lamp$/.test(name));
  if (object === undefined) return undefined;
  const { name } = object;
  if (LAMP.test(words)) {
    return { type: "look_at_obj_in_light", object: name, lamp: "desklamp" };
  }
  const transformation = CHANGES.find(([, verb]) => verb.test(words))?.[0];
  const places = mentions(words, RECEPTACLES).map((place) => place.name);
  const station = transformation === undefined
    ? undefined
    : TRANSFORMATION[transformation].station.toLowerCase();
  const receptacle = places.findLast((place) => place !== station) ??
    places.at(-1);
  const goal = {
    object: name,
    ...(receptacle === undefined ? {} : { receptacle }),
  };
  if (transformation !== undefined) {
    return {
      type: TRANSFORMATION[transformation].type,
      ...goal,
      transformation,
    };
  }
  return object.plural || /\b(?:two|both|2|pair|second)\b/.test(words)
    ? { type: "pick_two_obj_and_place", ...goal }
    : { type: "pick_and_place_simple", ...goal };
}

/**
 * Finds the classes of objects that a text names, in order, each once; what is to be done with them is not read.
 *
 * @example
 * ```ts
 * import { deepStrictEqual } from "node:assert/strict";
 * import { namedObjects } from "./wording.ts";
 *
 * deepStrictEqual(namedObjects("look at mug under the desklamp."), ["mug", "desklamp"]);
 * ```
 */
export function namedObjects(text: string): string[] {
  const names = mentions(text.toLowerCase(), OBJECTS).map(({ name }) => name);
  return [...new Set(names)];
}
