import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  HOUSEHOLD_TASK_TYPES,
  householdClass,
  parseHouseholdTask,
} from "../../../lib/envs/household/task.ts";
import { guessHouseholdTask } from "../../../lib/envs/household/wording.ts";

const SENTENCES: readonly (readonly [string, string, string])[] = [
  ["put a pencil in desk", "pick_and_place_simple", "pencil>desk"],
  ["put some pencil on desk", "pick_and_place_simple", "pencil>desk"],
  [
    "find some pencil and put it in desk",
    "pick_and_place_simple",
    "pencil>desk",
  ],
  [
    "look at keychain under the desklamp",
    "look_at_obj_in_light",
    "keychain>desklamp",
  ],
  [
    "examine the keychain with the desklamp",
    "look_at_obj_in_light",
    "keychain>desklamp",
  ],
  ["put a clean mug in shelf", "pick_clean_then_place_in_recep", "mug>shelf"],
  [
    "clean some mug and put it in shelf",
    "pick_clean_then_place_in_recep",
    "mug>shelf",
  ],
  ["put a hot mug in shelf", "pick_heat_then_place_in_recep", "mug>shelf"],
  [
    "heat some mug and put it in shelf",
    "pick_heat_then_place_in_recep",
    "mug>shelf",
  ],
  ["put a cool mug in shelf", "pick_cool_then_place_in_recep", "mug>shelf"],
  [
    "cool some mug and put it in shelf",
    "pick_cool_then_place_in_recep",
    "mug>shelf",
  ],
  ["put two cd in safe", "pick_two_obj_and_place", "cd>safe"],
  ["find two cd and put them in safe", "pick_two_obj_and_place", "cd>safe"],
];

Deno.test("parseHouseholdTask() reads every sentence of ALFWorld, framed or bare", () => {
  for (const [sentence, type, pair] of SENTENCES) {
    for (
      const spoken of [
        sentence,
        `${sentence}.`,
        `Your task is to: ${sentence}.`,
      ]
    ) {
      const task = parseHouseholdTask(spoken);
      strictEqual(task?.type, type, spoken);
      const where = task?.receptacle ?? task?.lamp;
      strictEqual(`${task?.object}>${where}`, pair, spoken);
    }
  }
  const types = new Set(SENTENCES.map(([, type]) => type));
  deepStrictEqual([...types].toSorted(), [...HOUSEHOLD_TASK_TYPES].toSorted());
});

Deno.test("parseHouseholdTask() names the transformation and no other", () => {
  strictEqual(
    parseHouseholdTask("put a cool pan in stoveburner.")?.transformation,
    "cool",
  );
  strictEqual(
    parseHouseholdTask("heat some egg and put it in fridge")?.transformation,
    "heat",
  );
  strictEqual(
    parseHouseholdTask("put a pan in stoveburner.")?.transformation,
    undefined,
  );
});

Deno.test("parseHouseholdTask() declines other sentences", () => {
  strictEqual(parseHouseholdTask("Bring me the mug, please."), undefined);
  strictEqual(parseHouseholdTask(""), undefined);
});

Deno.test("householdClass() drops the number", () => {
  strictEqual(householdClass("sidetable 12"), "sidetable");
  strictEqual(householdClass("sidetable"), "sidetable");
});

Deno.test("guessHouseholdTask() understands people, as far as a lexicon goes", () => {
  const said: readonly (readonly [string, string])[] = [
    [
      "Put a chilled tomato in the microwave.",
      "pick_cool_then_place_in_recep tomato microwave",
    ],
    [
      "Place a washed butter knife in the drawer",
      "pick_clean_then_place_in_recep butterknife drawer",
    ],
    [
      "Move two remotes to the couch.",
      "pick_two_obj_and_place remotecontrol sofa",
    ],
    [
      "Examine the credit card by the light of the lamp.",
      "look_at_obj_in_light creditcard desklamp",
    ],
    [
      "Put the warm egg in the trash can.",
      "pick_heat_then_place_in_recep egg garbagecan",
    ],
    [
      "Put a bar of soap in the cupboard.",
      "pick_and_place_simple soapbar cabinet",
    ],
  ];
  for (const [sentence, expected] of said) {
    const task = guessHouseholdTask(sentence);
    const target = task?.receptacle ?? task?.lamp;
    strictEqual(`${task?.type} ${task?.object} ${target}`, expected, sentence);
  }
  strictEqual(guessHouseholdTask("Do something nice."), undefined);
});
