/**
 * Which actions a policy is offered, and which text means one of them.
 *
 * @module
 */

/** Text of the simulator for what it does not understand; it costs no tick and changes nothing. */
export const NOT_UNDERSTOOD = "No known action matches that input.";

/** Never offered: it clears the progress of the task. */
const RESET = "reset task";

/** Verbs in the simulator's canonical wording, the longest first. */
const VERBS = [
  ...["look around", "look at", "look in", "pick up", "put down", "focus on"],
  ...["activate", "close", "connect", "deactivate", "disconnect", "dunk"],
  ...["eat", "flush", "go", "inventory", "mix", "move", "open", "pour"],
  ...["read", "task", "teleport", "use", "wait1", "wait"],
] as const;

/** A verb of the simulator. */
export type ScienceworldVerb = typeof VERBS[number];

/** Every verb by name. */
export const SCIENCEWORLD_VERBS: readonly ScienceworldVerb[] = [...VERBS]
  .sort();

/** Verbs that pair two objects: most of a long list. */
const PAIRING: ReadonlySet<string> = new Set([
  ...["connect", "dunk", "move", "pour", "use", "disconnect"],
]);

/** Verbs of the short list that goes with templates. */
export const SHORT_VERBS: readonly ScienceworldVerb[] = SCIENCEWORLD_VERBS
  .filter((verb) => !PAIRING.has(verb));

/**
 * Finds the verb of an action.
 *
 * @param action An action in the simulator's wording.
 * @returns The verb; `undefined` for numbers, which answer a question.
 */
export function verbOf(action: string): ScienceworldVerb | undefined {
  return VERBS.find((verb) => action === verb || action.startsWith(`${verb} `));
}

/**
 * Lists the actions that are offered.
 *
 * @param valid What the simulator lists.
 * @param verbs Verbs that are kept; all if absent.
 * @returns Offered actions in the simulator's order, each once.
 */
export function offeredActions(
  valid: readonly string[],
  verbs?: ReadonlySet<string>,
): string[] {
  const offered = [...new Set(valid)].filter((action) => {
    if (action === RESET) return false;
    const verb = verbOf(action);
    return verb === undefined || verbs === undefined || verbs.has(verb);
  });
  // A filter may leave nothing of a list; the simulator itself lists these in every state but a question.
  return offered.length > 0
    ? offered
    : valid.filter((action) => action !== RESET).slice(0, 1);
}

/**
 * Finds the listed action that says another one in fewer words: the same verb, the same place after `to`, and a thing
 * whose words stand together in the other's; gold paths name things by all that they contain.
 *
 * @param action An action in the simulator's wording.
 * @param offered Offered actions.
 * @returns The action itself if it is listed, else the one whose thing stands first, the longest of these; `undefined`
 * if there is none.
 */
export function listedLike(
  action: string,
  offered: readonly string[],
): string | undefined {
  if (offered.includes(action)) return action;
  const verb = verbOf(action);
  if (verb === undefined) return undefined;
  const place = / to [^]*$/.exec(action)?.[0] ?? "";
  const thingOf = (text: string) =>
    ` ${text.slice(verb.length + 1, text.length - place.length)} `;
  const thing = thingOf(action);
  return offered.filter((other) => verbOf(other) === verb)
    .filter((other) => other.endsWith(place))
    .map((other) => ({ other, at: thing.indexOf(thingOf(other)) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at || b.other.length - a.other.length)[0]?.other;
}

/** Whether the simulator has asked which of several actions was meant. */
export function isQuestion(valid: readonly string[]): boolean {
  return valid.length > 0 && valid.every((action) => /^\d+$/.test(action));
}

/** Other wordings of verbs, in the order in which they are tried. */
const SYNONYMS: readonly (readonly [RegExp, string])[] = [
  [/^(?:turn|switch) on /, "activate "],
  [/^(?:turn|switch) off /, "deactivate "],
  [/^(?:examine|look on) /, "look at "],
  [/^look$/, "look around"],
  [/^(?:get|take|grab) /, "pick up "],
  [/^drop /, "put down "],
  [/^(?:put|place) (.+) (?:to|in|into|on|onto|inside) /, "move $1 to "],
  [/^move (.+) (?:in|into|on|onto|inside) /, "move $1 to "],
  [/^pour (.+) (?:into|on|onto|to) /, "pour $1 in "],
  [/^dunk (.+) (?:into|in) /, "dunk $1 in "],
  [/^connect (.+) (?:in|into|with) /, "connect $1 to "],
  [/^(?:stir) /, "mix "],
  [/^consume /, "eat "],
  [/^focus /, "focus on "],
  [/^use (.+) with /, "use $1 on "],
  [/^(?:walk to|walk through|go through|walk|move to|go) /, "go to "],
  [/^teleport /, "teleport to "],
  [/^check inventory$/, "inventory"],
  [/^(?:wait a moment)$/, "wait1"],
];

/**
 * Finds the valid action that a text means: the same words in any case, another wording of the verb, a
 * referent with its place (`in inventory`), or words that only one action has.
 *
 * @param text What was written.
 * @param valid What the simulator lists.
 * @returns The valid action, or `undefined`.
 */
export function findAction(
  text: string,
  valid: readonly string[],
): string | undefined {
  const words = text.trim().toLowerCase().replace(/\s+/g, " ");
  const known = new Set(valid);
  if (known.has(words) && words !== RESET) return words;
  if (isQuestion(valid)) return undefined;
  const spellings = [words];
  for (const [pattern, wording] of SYNONYMS) {
    const changed = words.replace(pattern, wording)
      .replace("go to to ", "go to ").replace("focus on on ", "focus on ")
      .replace("teleport to to ", "teleport to ");
    if (changed !== words) spellings.push(changed);
  }
  for (const spelling of spellings) {
    if (known.has(spelling) && spelling !== RESET) return spelling;
    const bare = spelling.replace(/ in (?:the )?inventory\b/g, "");
    if (known.has(bare) && bare !== RESET) return bare;
    const here = bare.replace(/ in (?:the )?[a-z ]+$/, "");
    if (verbOf(here) && here !== verbOf(here) && known.has(here)) return here;
  }
  for (const spelling of spellings) {
    const found = onlyWithWords(spelling, valid);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The only action with the verb of a text and all its words. */
function onlyWithWords(
  text: string,
  valid: readonly string[],
): string | undefined {
  const verb = verbOf(text);
  if (verb === undefined) return undefined;
  const wanted = text.slice(verb.length).split(" ")
    .filter((word) => word !== "" && word !== "the" && word !== "a");
  if (wanted.length === 0) return undefined;
  let found: string | undefined;
  for (const action of valid) {
    if (verbOf(action) !== verb) continue;
    const words = new Set(action.slice(verb.length).split(" "));
    if (!wanted.every((word) => words.has(word))) continue;
    if (found !== undefined) return undefined;
    found = action;
  }
  return found;
}
