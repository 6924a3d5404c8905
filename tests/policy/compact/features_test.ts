import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  describeState,
  openScene,
  relateActions,
  relateSubgoal,
  relateToSubgoal,
  type Scene,
} from "../../../lib/policy/compact/features.ts";
import {
  ACTION_RELATIONS,
  STATE_NUMBERS,
  SUBGOAL_ACTION_RELATIONS,
  SUBGOAL_RELATIONS,
} from "../../../lib/policy/compact/relations.ts";
import {
  advanceMemory,
  beginMemory,
  type EpisodeMemory,
} from "../../../lib/policy/compact/memory.ts";
import { createLexicon } from "../../../lib/policy/compact/words.ts";
import type { Situation, Turn } from "../../../lib/trajectory.ts";

const NOUNS = ["mug", "desk", "lamp", "shelf", "pan"] as const;
const thing = fc.tuple(
  fc.constantFrom(...NOUNS),
  fc.integer({ min: 1, max: 3 }),
)
  .map(([noun, number]) => `${noun} ${number}`);
const action = fc.oneof(
  thing.map((one) => `go to ${one}`),
  fc.tuple(thing, thing).map(([a, b]) => `take ${a} from ${b}`),
  fc.constant("look"),
);
const sentence = fc.array(thing, { maxLength: 4 }).map((things) =>
  `You see ${things.join(", ")}.`
);
const subgoal = fc.oneof(
  thing.map((one) => `take ${one}`),
  fc.constant("find a mug"),
);
const turn: fc.Arbitrary<Turn> = fc.record({
  observation: fc.record({
    text: sentence,
    admissibleActions: fc.constant(["look"]),
    stateKey: fc.constant(""),
  }),
  decision: fc.record({
    switched: fc.boolean(),
    subgoal,
    action,
    valid: fc.constant(true),
    trace: fc.constant({ kind: "untrainable" as const }),
  }),
  reward: fc.constant(0),
});
const situation: fc.Arbitrary<Situation> = fc.record({
  task: thing.map((one) => `put a mug in ${one.split(" ")[0]}`),
  past: fc.array(turn, { maxLength: 8 }),
  observation: fc.record({
    text: sentence,
    admissibleActions: fc.uniqueArray(action, { minLength: 1, maxLength: 6 }),
    stateKey: fc.constant(""),
  }),
});

/** The memory of a situation's episode. */
function remember(
  lexicon: ReturnType<typeof createLexicon>,
  { task, past, observation }: Situation,
): EpisodeMemory {
  const seen = [...past.map((turn) => turn.observation), observation];
  const memory = beginMemory(lexicon, task, seen[0]!.text);
  past.forEach((turn, t) =>
    advanceMemory(memory, lexicon, turn, seen[t + 1]!.text)
  );
  return memory;
}

function sceneOf(
  situation: Situation,
): { scene: Scene; lexicon: ReturnType<typeof createLexicon> } {
  const lexicon = createLexicon({ buckets: 512 });
  const memory = remember(lexicon, situation);
  const { admissibleActions } = situation.observation;
  return { scene: openScene(memory, lexicon, admissibleActions), lexicon };
}

/** All numbers of a situation under one subgoal. */
function numbersOf(situation: Situation, goal: string): Float32Array[] {
  const { scene, lexicon } = sceneOf(situation);
  const phrase = lexicon.phrase(goal);
  return [
    relateActions(scene),
    relateToSubgoal(scene, phrase),
    relateSubgoal(scene, { phrase, text: goal }, undefined),
    describeState(scene).numbers,
  ];
}

Deno.test("relations are finite, not negative and at most about two", () => {
  fc.assert(fc.property(situation, subgoal, (situation, goal) => {
    for (const numbers of numbersOf(situation, goal)) {
      ok(numbers.every((x) => x >= 0 && x <= 2.5), `${numbers}`);
    }
  }));
});

Deno.test("relations have the widths they are declared with", () => {
  fc.assert(fc.property(situation, subgoal, (situation, goal) => {
    const [actions, toGoal, goals, state] = numbersOf(situation, goal);
    const count = situation.observation.admissibleActions.length;
    strictEqual(actions!.length, count * ACTION_RELATIONS);
    strictEqual(toGoal!.length, count * SUBGOAL_ACTION_RELATIONS);
    strictEqual(goals!.length, SUBGOAL_RELATIONS);
    strictEqual(state!.length, STATE_NUMBERS);
  }));
});

Deno.test("relations know no names: renaming every thing alike changes none", () => {
  const rename = (text: string) =>
    text.replaceAll(/mug|desk|lamp|shelf|pan/g, (noun) => `x${noun}y`);
  fc.assert(fc.property(situation, subgoal, (situation, goal) => {
    const renamed: Situation = JSON.parse(rename(JSON.stringify(situation)));
    deepStrictEqual(
      numbersOf(renamed, rename(goal)),
      numbersOf(situation, goal),
    );
  }));
});

Deno.test("a place remembers what was read there until it is read again", () => {
  const looked = (action: string, before: string): Turn => ({
    observation: { text: before, admissibleActions: [action], stateKey: "" },
    decision: {
      switched: false,
      subgoal: "",
      action,
      valid: true,
      trace: { kind: "untrainable" },
    },
    reward: 0,
  });
  const { scene, lexicon } = sceneOf({
    task: "find a mug",
    past: [
      looked("go to desk 1", "A room."),
      looked("go to shelf 1", "On the desk 1 you see mug 2."),
    ],
    observation: {
      text: "On the shelf 1 you see pan 1.",
      admissibleActions: ["go to desk 1"],
      stateKey: "",
    },
  });
  const desk = lexicon.phrase("desk 1").entities[0]!;
  const mug = lexicon.phrase("mug 2").entities[0]!;
  ok(scene.memory.contents.get(desk)!.has(mug));
  strictEqual(scene.memory.placeOf.get(mug), desk);
});

Deno.test("an action is related to the passage that names it", () => {
  const { scene } = sceneOf({
    task: "red wool sock, and price lower than 20.00 dollars",
    past: [],
    observation: {
      text:
        "[SEP] B0AAAA1111 [SEP] Blue sock [SEP] $12.00 [SEP] B0BBBB2222 [SEP] Red wool sock [SEP] $30.50",
      admissibleActions: [
        "click[b0aaaa1111]",
        "click[b0bbbb2222]",
        "click[back]",
      ],
      stateKey: "",
    },
  });
  const rows = relateActions(scene);
  const passage = (i: number) =>
    Array.from(
      rows.slice((i + 1) * ACTION_RELATIONS - 3, (i + 1) * ACTION_RELATIONS),
    );
  const [blue, red, back] = [passage(0), passage(1), passage(2)];
  deepStrictEqual(blue!.slice(1), [0, 0]); // one word shared, price below
  deepStrictEqual(red!.slice(1), [1, 1]); // three words shared, price above
  ok(red![0]! > blue![0]! && blue![0]! > 0);
  deepStrictEqual(back, [0, 0, 0]);
});
