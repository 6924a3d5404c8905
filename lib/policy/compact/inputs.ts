/**
 * Featurization of a situation: the network's inputs for planning and, under the chosen subgoal, for
 * acting.
 *
 * @module
 */

import {
  ACTION_COLUMNS,
  ACTION_TEXTS,
  type CompactInputs,
  CONTEXT_COLUMNS,
  EXECUTOR_COLUMNS,
  STATE_COLUMNS,
} from "./batch.ts";
import {
  describeState,
  openScene,
  relateActions,
  relateSubgoal,
  relateToSubgoal,
  type Scene,
  sceneUnder,
} from "./features.ts";
import {
  ACTION_RELATIONS,
  STATE_NUMBERS,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATIONS,
} from "./relations.ts";
import type { EpisodeMemory } from "./memory.ts";
import type { Lexicon, Phrase } from "./words.ts";

/** The inputs of one turn, before and after its plan is chosen. */
export interface InputBuilder {
  /** Subgoals the planner may choose among. */
  readonly candidates: readonly string[];
  /** The subgoal held from the turn before, if any. */
  readonly held: string | undefined;
  /** Inputs for switching and planning: all candidates, no actions. */
  readonly planning: CompactInputs;
  /** Inputs for acting under a subgoal; the candidates are left out when it was kept. */
  acting(subgoal: string | undefined, switched: boolean): CompactInputs;
}

/** Distinct texts of one turn, packed as in {@linkcode CompactInputs}. */
class TextList {
  readonly #known = new Map<string, number>();
  readonly #packed: number[] = [];

  /** Number of a phrase's text; -1 when it has no words. */
  add(phrase: Phrase | undefined): number {
    if (phrase === undefined || phrase.buckets.length === 0) return -1;
    let number = this.#known.get(phrase.key);
    if (number === undefined) {
      number = this.#known.size;
      this.#known.set(phrase.key, number);
      this.#packed.push(phrase.buckets.length);
      for (const bucket of phrase.buckets) this.#packed.push(bucket);
    }
    return number;
  }

  pack(): Int32Array {
    return Int32Array.from(this.#packed);
  }
}

/** Writes max and mean of each column to `target` from `start`. */
function pool(
  rows: Float32Array,
  columns: number,
  target: Float32Array,
  start: number,
): void {
  const count = rows.length / columns;
  for (let column = 0; column < columns; column++) {
    let largest = 0, total = 0;
    for (let at = column; at < rows.length; at += columns) {
      const value = rows[at]!;
      if (value > largest) largest = value;
      total += value;
    }
    target[start + column] = largest;
    target[start + columns + column] = count === 0 ? 0 : total / count;
  }
}

const NO_INTEGERS = new Int32Array(0), NO_REALS = new Float32Array(0);

/** Builds the inputs of one turn. */
export function buildInputs(
  memory: EpisodeMemory,
  options: {
    readonly lexicon: Lexicon;
    readonly actions: readonly string[];
    readonly candidates: readonly string[];
    readonly held: string | undefined;
    /** Whether actions are described by their relations to the task, or to the subgoal in its place. */
    readonly executor: "subgoal" | "task";
  },
): InputBuilder {
  const { lexicon, actions, candidates, held, executor } = options;
  const scene = openScene(memory, lexicon, actions);
  const { state, phrases, relations } = viewScene(scene, lexicon);
  const contexts = new Map<string, Context>();
  const contextOf = (subgoal: string | undefined): Context | undefined => {
    if (subgoal === undefined) return undefined;
    let context = contexts.get(subgoal);
    if (context === undefined) {
      context = relate(scene, lexicon.phrase(subgoal), subgoal, held);
      contexts.set(subgoal, context);
    }
    return context;
  };
  const planRows = candidates.map((text) => {
    const phrase = lexicon.phrase(text);
    return { phrase, row: relateSubgoal(scene, { phrase, text }, held) };
  });
  const common = (texts: TextList, chosen: string | undefined) => {
    const pair = [contextOf(held), contextOf(chosen)];
    const numbers = new Float32Array(2 * CONTEXT_COLUMNS);
    pair.forEach((context, side) => {
      if (context) numbers.set(context.numbers, side * CONTEXT_COLUMNS);
    });
    return {
      state,
      stateTexts: Int32Array.from(phrases, (phrase) => texts.add(phrase)),
      contextTexts: Int32Array.from(
        pair,
        (context) => texts.add(context?.phrase),
      ),
      contexts: numbers,
    };
  };
  const planColumns = (texts: TextList, rows: typeof planRows) => ({
    subgoalTexts: Int32Array.from(rows, ({ phrase }) => texts.add(phrase)),
    subgoals: flatten(rows.map(({ row }) => row), SUBGOAL_RELATIONS),
  });
  const texts = new TextList();
  const planning = {
    ...common(texts, undefined),
    ...planColumns(texts, planRows),
    actionRows: NO_INTEGERS,
    actionTexts: NO_INTEGERS,
    actions: NO_REALS,
    executorTexts: NO_INTEGERS,
    executor: NO_REALS,
    texts: texts.pack(),
  };
  return {
    candidates,
    held,
    planning,
    acting(subgoal, switched) {
      const texts = new TextList();
      const context = contextOf(subgoal);
      const toSubgoal = context?.toActions ?? relateToSubgoal(scene, undefined);
      const view = executor === "subgoal"
        ? viewUnder(scene, lexicon, { subgoal: subgoal ?? "", held })
        : undefined;
      return {
        ...common(texts, subgoal),
        ...planColumns(texts, switched ? planRows : []),
        ...mergeRows(
          actionTexts(scene, texts),
          joinRows(
            view?.relations ?? relations,
            toSubgoal,
            scene.actions.length,
          ),
        ),
        executorTexts: Int32Array.from(
          view?.phrases ?? [],
          (phrase) => texts.add(phrase),
        ),
        executor: view?.numbers ?? NO_REALS,
        texts: texts.pack(),
      };
    },
  };
}

/** A situation as the trunk sees it, and the relations of its actions. */
interface View {
  /** Shape `(STATE_COLUMNS,)`. */
  readonly state: Float32Array;
  /** Shape `(STATE_TEXTS,)`. */
  readonly phrases: readonly (Phrase | undefined)[];
  /** Shape `(actions, ACTION_RELATIONS)`. */
  readonly relations: Float32Array;
}

function viewScene(scene: Scene, lexicon: Lexicon): View {
  const { memory } = scene;
  const relations = relateActions(scene);
  const { numbers, verbs, reachableVerbs } = describeState(scene);
  const state = new Float32Array(STATE_COLUMNS);
  state.set(numbers);
  pool(relations, ACTION_RELATIONS, state, STATE_NUMBERS);
  const phrases = [
    memory.task,
    memory.observation,
    memory.lastAction,
    lexicon.ofWords(verbs),
    lexicon.ofWords(reachableVerbs),
  ];
  return { state, phrases, relations };
}

/** A situation with the chosen subgoal in the task's place: no number of it depends on the task. */
function viewUnder(
  scene: Scene,
  lexicon: Lexicon,
  { subgoal, held }: { subgoal: string; held: string | undefined },
): View & { readonly numbers: Float32Array } {
  const phrase = lexicon.phrase(subgoal);
  const under = sceneUnder(scene, phrase);
  const view = viewScene(under, lexicon);
  const numbers = new Float32Array(EXECUTOR_COLUMNS);
  numbers.set(view.state);
  numbers.set(relate(under, phrase, subgoal, held).numbers, STATE_COLUMNS);
  return { ...view, numbers };
}

/** Features of a subgoal in a situation. */
interface Context {
  readonly phrase: Phrase;
  /** Shape `(CONTEXT_COLUMNS,)`. */
  readonly numbers: Float32Array;
  /** Shape `(actions, SUBGOAL_ACTION_RELATIONS)`. */
  readonly toActions: Float32Array;
}

function relate(
  scene: Scene,
  phrase: Phrase,
  text: string,
  held: string | undefined,
): Context {
  const toActions = relateToSubgoal(scene, phrase);
  const numbers = new Float32Array(CONTEXT_COLUMNS);
  numbers.set(relateSubgoal(scene, { phrase, text }, held));
  pool(toActions, SUBGOAL_ACTION_RELATIONS, numbers, SUBGOAL_RELATIONS);
  return { phrase, numbers, toActions };
}

function flatten(rows: readonly Float32Array[], columns: number): Float32Array {
  const flat = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => flat.set(row, i * columns));
  return flat;
}

/** Texts of each action; see {@linkcode ACTION_TEXTS}. */
function actionTexts(scene: Scene, texts: TextList): Int32Array {
  const { touched, gists } = scene.memory;
  const numbers = new Int32Array(ACTION_TEXTS * scene.actions.length);
  scene.actions.forEach((action, i) => {
    const { entities } = action;
    const verbs = touched.get(entities[0] ?? -1)?.verbs;
    const gist = gists.get(entities.at(-1) ?? -1);
    numbers[ACTION_TEXTS * i] = texts.add(action);
    numbers[ACTION_TEXTS * i + 1] = texts.add(verbs);
    numbers[ACTION_TEXTS * i + 2] = texts.add(gist);
  });
  return numbers;
}

/** Joins the columns of two tables. */
function joinRows(
  left: Float32Array,
  right: Float32Array,
  rows: number,
): Float32Array {
  const joined = new Float32Array(rows * ACTION_COLUMNS);
  for (let i = 0; i < rows; i++) {
    const at = i * ACTION_COLUMNS, split = at + ACTION_RELATIONS;
    joined.set(
      left.subarray(i * ACTION_RELATIONS, (i + 1) * ACTION_RELATIONS),
      at,
    );
    joined.set(
      right.subarray(
        i * SUBGOAL_ACTION_RELATIONS,
        (i + 1) * SUBGOAL_ACTION_RELATIONS,
      ),
      split,
    );
  }
  return joined;
}

/** Merges identical actions into one row. */
function mergeRows(
  texts: Int32Array,
  numbers: Float32Array,
): Pick<CompactInputs, "actionRows" | "actionTexts" | "actions"> {
  const count = texts.length / ACTION_TEXTS;
  const bits = new Int32Array(numbers.buffer);
  const actionRows = new Int32Array(count);
  const firsts: number[] = []; // first action of each row
  const known = new Map<number, number>();
  for (let i = 0; i < count; i++) {
    let hash = 0;
    for (let j = i * ACTION_TEXTS; j < (i + 1) * ACTION_TEXTS; j++) {
      hash = Math.imul(hash ^ texts[j]!, 0x01000193);
    }
    for (let j = i * ACTION_COLUMNS; j < (i + 1) * ACTION_COLUMNS; j++) {
      hash = Math.imul(hash ^ bits[j]!, 0x01000193) ^ (hash >>> 15);
    }
    let row = known.get(hash);
    if (row === undefined || !isSameRow(texts, numbers, firsts[row]!, i)) {
      row = firsts.length;
      firsts.push(i);
      known.set(hash, row);
    }
    actionRows[i] = row;
  }
  const actionTexts = new Int32Array(firsts.length * ACTION_TEXTS);
  const actions = new Float32Array(firsts.length * ACTION_COLUMNS);
  firsts.forEach((i, row) => {
    const text = i * ACTION_TEXTS, number = i * ACTION_COLUMNS;
    actionTexts.set(
      texts.subarray(text, text + ACTION_TEXTS),
      row * ACTION_TEXTS,
    );
    actions.set(
      numbers.subarray(number, number + ACTION_COLUMNS),
      row * ACTION_COLUMNS,
    );
  });
  return { actionRows, actionTexts, actions };
}

function isSameRow(
  texts: Int32Array,
  numbers: Float32Array,
  a: number,
  b: number,
): boolean {
  for (let j = 0; j < ACTION_TEXTS; j++) {
    if (texts[a * ACTION_TEXTS + j] !== texts[b * ACTION_TEXTS + j]) {
      return false;
    }
  }
  for (let j = 0; j < ACTION_COLUMNS; j++) {
    if (numbers[a * ACTION_COLUMNS + j] !== numbers[b * ACTION_COLUMNS + j]) {
      return false;
    }
  }
  return true;
}
