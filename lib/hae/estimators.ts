/**
 * Every estimator by name. A new one is a record in a file of its own and a line here.
 *
 * @module
 */

import { biLevelGae } from "./bi_level.ts";
import { gae, tokenGae } from "./gae.ts";
import { gigpo } from "./gigpo.ts";
import {
  drGrpo,
  grpo,
  passAtK,
  reinforceBaseline,
  rloo,
} from "./group_credit.ts";
import { hae } from "./hae.ts";
import { reinforce, reinforcePlusPlus, remax } from "./reinforce.ts";
import { strata } from "./strata.ts";

/** The estimators, in reading order: with a critic, by returns, relative to a group. */
export const ESTIMATORS = {
  hae,
  gae,
  "token-gae": tokenGae,
  "bi-level-gae": biLevelGae,
  grpo,
  "dr-grpo": drGrpo,
  rloo,
  "reinforce++-baseline": reinforceBaseline,
  reinforce,
  "reinforce++": reinforcePlusPlus,
  remax,
  "pass-at-k": passAtK,
  gigpo,
  strata,
} as const;
