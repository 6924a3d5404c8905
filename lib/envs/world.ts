/**
 * The record of a world: its settings, how it is opened and listed, and its candidate subgoals.
 *
 * @module
 */

import type { z } from "npm:zod@4.6.7";
import type {
  EnvSpec,
  ListAlternatives,
  OpenEnv,
  ProposeStrategy,
  ProposeSubgoals,
  SubgoalRule,
} from "./text_env.ts";

/** Worlds of one family: its name, and settings of that family. */
export interface EnvDataset {
  /** Which family: `"alfworld"`. */
  readonly dataset: string;
  /** Settings of that family. */
  readonly [setting: string]: unknown;
}

/** A family of worlds that datasets `{ dataset, … }` name. */
export interface WorldDataset {
  /** What a dataset may hold, with the meaning of each setting. */
  readonly settings: z.ZodType;
  /** Lists its worlds in a fixed order. */
  readonly list: (dataset: EnvDataset) => EnvListing | Promise<EnvListing>;
}

/** What a dataset holds. */
export interface EnvListing {
  /** Its worlds, in a fixed order. */
  readonly specs: readonly EnvSpec[];
  /** Files that were skipped, and why: one message each, which begins with the path. */
  readonly skipped: readonly string[];
}

/** What planners and teachers may know of a kind of world. */
export interface WorldGuide {
  /** Lists candidate subgoals; absent where only policies that need no list can plan. */
  readonly proposeSubgoals?: ProposeSubgoals;
  /**
   * Lists subgoals that are one step of a task each, from what was seen and not from the task taken apart; absent
   * where {@linkcode WorldGuide.proposeSubgoals} is the only list.
   */
  readonly proposeSteps?: ProposeSubgoals;
  /** Lists what may come next in a strategy; absent where a strategy is one of the subgoals. */
  readonly proposeStrategy?: ProposeStrategy;
  /** Says which actions serve a subgoal, and what achieves it; absent where plans are not measured. */
  readonly subgoalRule?: SubgoalRule;
  /** Lists actions that are as good as the expert's given only what was observed. */
  readonly alternatives?: ListAlternatives;
}

/** A kind of world, which specifications `{ kind, … }` name. */
export interface World extends WorldGuide {
  /** What a specification may hold, with the meaning of each setting. */
  readonly settings: z.ZodType;
  /** Makes an opener, which keeps what several episodes share: compiled games, shops. */
  readonly createOpener: (options: EnvOpenerOptions) => EnvOpener;
  /** Families of such worlds, by name. */
  readonly datasets?: Readonly<Record<string, WorldDataset>>;
  /** Finds the record that a specification means, where its code is elsewhere. */
  readonly resolve?: (spec: EnvSpec) => Promise<World>;
}

/** Opens worlds; disposing it frees what its episodes share, such as idle processes. */
export type EnvOpener = OpenEnv & Partial<AsyncDisposable>;

/** How worlds are opened. */
export interface EnvOpenerOptions {
  /** Compiled game files that are kept for the next episode. @default {128} */
  readonly games?: number;
  /** Shops that are kept for the next episode. @default {4} */
  readonly shops?: number;
  /** Idle processes (simulators, browsers) that are kept for the next episode. @default {all} */
  readonly processes?: number;
}
