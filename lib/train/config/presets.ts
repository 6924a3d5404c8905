/**
 * Settings that go together, by name.
 *
 * @module
 */

import { creditPreset } from "../../hae/presets.ts";
import {
  alfworldModel,
  corridorModel,
  householdModel,
  webshopModel,
} from "./model_presets.ts";
import {
  alfworldGames,
  fromSparseReward,
  households,
  webshopPart,
} from "./preset_parts.ts";
import type { PartialDeep, TrainingConfig } from "./config.ts";
import { miniwobPreset, scienceworldPreset } from "./program_presets.ts";

/** Name of a preset. */
export type PresetName =
  | "corridor"
  | "corridor-language"
  | "corridor-model"
  | "household-model"
  | "alfworld-model"
  | "webshop-model"
  | "household-language"
  | "household"
  | "household-easy"
  | "household-warm"
  | "alfworld"
  | "miniwob"
  | "scienceworld"
  | "webshop"
  | "hiper-alfworld"
  | "hiper-webshop"
  | "corridor-tinker"
  | "household-tinker"
  | "alfworld-tinker";

/** Learns to follow the sign: half a minute on one core to 100 % and the shortest way. */
const corridor: PartialDeep<TrainingConfig> = {
  iterations: 50,
  worlds: [{ kind: "corridor", length: 7, doors: 1 }],
  rollout: { tasks: 128, maxTurns: 20 },
  estimator: { name: "hae", gamma: 0.9, lambdaTurn: 0.95 },
  update: { learningRate: 1e-3, entropyCoefficient: 0.03 },
  evaluation: {
    every: 10,
    tasks: 64,
    maxTurns: 24,
    sets: { longer: [{ kind: "corridor", length: 9, doors: 2 }] },
  },
};

/**
 * A language model of 0.1 million numbers. Its eight passes of imitation nearly suffice; with fewer
 * (`warmStart.epochs=1`) HiPER has more to teach.
 */
const corridorLanguage: PartialDeep<TrainingConfig> = {
  iterations: 30,
  policy: { name: "language", decoding: "admissible", maxReplyTokens: 40 },
  worlds: [{ kind: "corridor", length: 5, doors: 0 }],
  warmStart: { episodes: 64, epochs: 8, minibatchSize: 24, learningRate: 2e-3 },
  rollout: { tasks: 64, maxTurns: 20 },
  estimator: { name: "hae", gamma: 0.9, lambdaTurn: 0.95 },
  update: {
    learningRate: 3e-4,
    entropyCoefficient: 0,
    epochs: 2,
    minibatchSize: 96,
  },
};

/**
 * A compact policy whose executor lives by its subgoal, one step of the task at a time. Execution earns the end of
 * its subgoal besides the return, and an episode the share of its turns that keep their subgoal.
 */
const bySubgoals = {
  policy: { name: "compact", executor: "subgoal", subgoals: "steps" },
  shaping: { subgoalReward: 2, keepPenalty: 2 },
} as const satisfies PartialDeep<TrainingConfig>;

/** Generated household games, new ones in every iteration; `unseen` has layouts that training never has. */
const household: PartialDeep<TrainingConfig> = {
  ...fromSparseReward,
  ...bySubgoals,
  iterations: 120,
  worlds: households("train"),
  rollout: { tasks: 192, maxTurns: 50, balanceBy: "taskType" },
  evaluation: {
    every: 20,
    tasks: 60,
    balanceBy: "taskType",
    sets: { seen: households("seen"), unseen: households("unseen") },
  },
};

/** Small rooms without doors: what a laptop learns in minutes; `harder` has the usual ones. */
const householdEasy: PartialDeep<TrainingConfig> = {
  ...household,
  worlds: households("train", "easy"),
  evaluation: {
    every: 20,
    tasks: 48,
    balanceBy: "taskType",
    sets: {
      seen: households("seen", "easy"),
      unseen: households("unseen", "easy"),
      harder: households("unseen"),
    },
  },
};

/**
 * Household games after the compact policy has imitated the generator's expert, whose subgoals take the task apart; its
 * executor sees the task.
 */
const householdWarm: PartialDeep<TrainingConfig> = {
  ...household,
  policy: { name: "compact", executor: "task", subgoals: "task" },
  shaping: {},
  warmStart: { minibatchSize: 256, learningRate: 3e-3 },
};

/**
 * A language model of half a million numbers reads what was seen as a conversation and writes
 * subgoals and actions: it imitates new games of the expert, who knows where things are, and
 * then learns by HiPER to look for them.
 */
const householdLanguage: PartialDeep<TrainingConfig> = {
  iterations: 200,
  policy: {
    name: "language",
    prompt: "transcript",
    layers: 3,
    hiddenSize: 128,
    decoding: "admissible",
    maxContentTokens: 12,
    maxReplyTokens: 48,
    batchSize: 128,
    microbatchTokens: 12288,
    valueScale: 10,
  },
  worlds: households("train", "easy"),
  warmStart: {
    episodes: 240,
    epochs: 18,
    resample: true,
    randomActionRate: 0.2,
    lmLossWeight: 0.5,
    gamma: 0.97,
    minibatchSize: 24,
    valueCoefficient: 0.01,
    learningRate: 2e-3,
    finalLearningRate: 2e-4,
  },
  rollout: { tasks: 48, maxTurns: 15, balanceBy: "taskType" },
  estimator: fromSparseReward.estimator,
  update: {
    epochs: 1,
    minibatchSize: 128,
    minibatchBy: "episode",
    learningRate: 5e-5,
    valueCoefficient: 0.01,
    entropyCoefficient: 0,
  },
  evaluation: {
    every: 50,
    tasks: 240,
    maxTurns: 15,
    balanceBy: "taskType",
    sets: { unseen: households("unseen", "easy") },
  },
};

/**
 * Game files of ALFWorld where its own tools put them ($ALFWORLD_DATA, `~/.cache/alfworld`), in
 * `data/alfworld`, or in the folders that `--data` names; every game of the two validation splits is played at every evaluation, and none of them is learned from.
 */
const alfworld: PartialDeep<TrainingConfig> = {
  ...household,
  worlds: alfworldGames("train", "valid_train"),
  evaluation: {
    every: 20,
    tasks: "every",
    sets: {
      valid_seen: alfworldGames("valid_seen"),
      valid_unseen: alfworldGames("valid_unseen"),
    },
  },
};

/** Shopping in a generated catalog; `unseen` has goals for products that training never has. */
const webshop: PartialDeep<TrainingConfig> = {
  ...fromSparseReward,
  iterations: 120,
  worlds: [webshopPart("train")],
  rollout: { tasks: 192, maxTurns: 15 },
  evaluation: {
    every: 20,
    tasks: 64,
    maxTurns: 15,
    sets: {
      seen: [webshopPart("validation")],
      unseen: [webshopPart("unseen-product")],
    },
  },
};

/**
 * What the authors' ALFWorld script has in force, as far as it concerns credit and learning. They train a language
 * model of 7 billion weights, all of them, and let it write its replies: `policy.directory` must name one, and no
 * other policy learns at this step size.
 */
const hiperAlfworld: PartialDeep<TrainingConfig> = {
  ...alfworldModel,
  iterations: 150,
  policy: { name: "language", directory: "", prompt: "rules" },
  evaluation: alfworld.evaluation!,
  rollout: { tasks: 128, groupSize: 1, maxTurns: 50 },
  ...creditPreset("hiper-alfworld"),
  update: {
    epochs: 1,
    minibatchSize: 256,
    clipRange: 0.2,
    dualClip: 3,
    valueClipRange: 0.5,
    learningRate: 1e-6,
    weightDecay: 0.01,
    entropyCoefficient: 0.001,
    klCoefficient: 0.01,
    maxGradientNorm: 1,
  },
};

/** What the authors' WebShop script has in force, for a model that `policy.directory` names, in a generated catalog; the paper plays 15 turns. */
const hiperWebshop: PartialDeep<TrainingConfig> = {
  ...hiperAlfworld,
  worlds: [{ ...webshopPart("train"), preset: "webshop-reference" }],
  rollout: { tasks: 128, groupSize: 1, maxTurns: 15 },
  ...creditPreset("hiper-webshop"),
  evaluation: {
    every: 5,
    tasks: 128,
    maxTurns: 15,
    sets: { test: [{ ...webshopPart("test"), preset: "webshop-reference" }] },
  },
};

/** What engines compute alike: one clipped surrogate without dual clip, gradients clipped by nobody. */
const onEngine = {
  epochs: 1,
  minibatchSize: 4096,
  clipRange: 0.2,
  dualClip: 0,
  valueClipRange: 0,
  entropyCoefficient: 0,
  klCoefficient: 0,
  maxGradientNorm: 0,
} as const;

/**
 * The corridor on an engine: the smallest world with a sign to follow, for a first run on a server. The expert is
 * imitated until replies have the form; the rest is learned by HiPER. Both exits occur equally often: of four episodes
 * that are drawn freely, all may have the same one, and imitation then teaches to ignore the sign. `policy.url` and
 * `policy.baseModel` must be given.
 */
const corridorTinker: PartialDeep<TrainingConfig> = {
  iterations: 14,
  policy: {
    name: "tinker",
    url: "",
    baseModel: "",
    rank: 8,
    prompt: "brief",
    maxReplyTokens: 40,
  },
  worlds: [
    { kind: "corridor", length: 3, doors: 0, exit: "left" },
    { kind: "corridor", length: 3, doors: 0, exit: "right" },
  ],
  warmStart: { episodes: 4, epochs: 5, minibatchSize: 8, learningRate: 2e-3 },
  rollout: { tasks: 4, groupSize: 4, maxTurns: 2, balanceBy: "exit" },
  estimator: { name: "hae", gamma: 0.95 },
  update: { ...onEngine, learningRate: 1e-3 },
  evaluation: { every: 0 },
  record: { checkpointEvery: 1, trajectoriesEvery: 1 },
};

/** Generated households for a model that follows the rules as they are told, without imitation; eight episodes a task. */
const householdTinker: PartialDeep<TrainingConfig> = {
  iterations: 100,
  policy: {
    name: "tinker",
    url: "",
    baseModel: "",
    rank: 32,
    prompt: "rules",
    maxReplyTokens: 128,
  },
  worlds: households("train", "easy"),
  rollout: { tasks: 16, groupSize: 8, maxTurns: 30, balanceBy: "taskType" },
  shaping: { invalidActionPenalty: 0.1 },
  estimator: {
    name: "hae",
    gamma: 0.97,
    lambdaTurn: 0.95,
    lambdaSegment: 0.95,
  },
  update: { ...onEngine, learningRate: 2e-5, minibatchSize: 1024 },
  evaluation: {
    every: 10,
    tasks: 48,
    maxTurns: 30,
    temperature: 0.4,
    balanceBy: "taskType",
    sets: {
      seen: households("seen", "easy"),
      unseen: households("unseen", "easy"),
    },
  },
  record: { checkpointEvery: 1 },
};

/** The authors' ALFWorld settings, as far as an engine has them: 128 episodes in groups of 8 as the critic here starts from those. */
const alfworldTinker: PartialDeep<TrainingConfig> = {
  ...householdTinker,
  iterations: 150,
  worlds: alfworldGames("train", "valid_train"),
  rollout: { tasks: 16, groupSize: 8, maxTurns: 50 },
  shaping: creditPreset("hiper-alfworld").shaping,
  estimator: {
    name: "hae",
    gamma: 0.95,
    lambdaTurn: 0.95,
    lambdaSegment: 0.95,
  },
  evaluation: {
    every: 10,
    tasks: "every",
    maxTurns: 50,
    temperature: 0.4,
    sets: {
      valid_seen: alfworldGames("valid_seen"),
      valid_unseen: alfworldGames("valid_unseen"),
    },
  },
};

/** Every preset by name. */
export const PRESETS: Readonly<
  Record<PresetName, PartialDeep<TrainingConfig>>
> = {
  corridor,
  "corridor-language": corridorLanguage,
  "corridor-model": corridorModel,
  "household-model": householdModel,
  "alfworld-model": alfworldModel,
  "webshop-model": webshopModel,
  "household-language": householdLanguage,
  household,
  "household-easy": householdEasy,
  "household-warm": householdWarm,
  alfworld,
  miniwob: miniwobPreset(fromSparseReward),
  scienceworld: scienceworldPreset(fromSparseReward),
  webshop,
  "hiper-alfworld": hiperAlfworld,
  "hiper-webshop": hiperWebshop,
  "corridor-tinker": corridorTinker,
  "household-tinker": householdTinker,
  "alfworld-tinker": alfworldTinker,
};
