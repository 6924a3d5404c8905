/**
 * Requests for credit: episodes as plain JSON, read strictly, so that what is wrong is named by its place.
 *
 * @module
 */

import { checkName, nearestName } from "../../checks.ts";
import {
  ESTIMATOR_NAMES,
  type EstimatorConfig,
  type EstimatorName,
  estimatorOf,
} from "../../hae/credit.ts";

/** What is wrong with a request, and where. */
export class CreditRequestError extends Error {
  /** The class, for messages. */
  override readonly name = "CreditRequestError";
  /** Path of what is wrong: `episodes[3].turns[2].reward`; empty for the request as a whole. */
  readonly place: string;

  /** Names the place, what must hold there, and the value. */
  constructor(place: string, must: string, value: unknown) {
    super(
      `Cannot assign credit as ${
        place || "the request"
      } must ${must}: current value is ${show(value)}`,
    );
    this.place = place;
  }
}

/** A part of a turn's text that belongs to one decision. */
export interface CreditSegment {
  /** Whose decision. */
  readonly role: CreditRole;
  /** First character or token. */
  readonly start: number;
  /** One past the last. */
  readonly end: number;
}

/** A decision: `switch` keeps or switches the subgoal, `plan` chooses it, `execute` acts under it. */
export type CreditRole = "switch" | "plan" | "execute";

/** One turn of an episode. */
export interface CreditTurn {
  /** What the world paid for it. */
  readonly reward: number;
  /** `plan` for a turn that only chose a subgoal. @default {"execute"} */
  readonly kind?: "plan" | "execute" | null;
  /** The subgoal in force; another one than before starts a segment. */
  readonly subgoal?: string | null;
  /** Whether a subgoal was taken up; wins over `subgoal`. */
  readonly new_subgoal?: boolean | null;
  /** Execution value: of the state and the chosen subgoal. */
  readonly value?: number | null;
  /** Planning value: of the state alone; read where a subgoal is taken up. */
  readonly value_plan?: number | null;
  /** Switching value: of the state and the subgoal held before. */
  readonly value_switch?: number | null;
  /** Probability of SWITCH; for the q-minus-beta form. */
  readonly switch_probability?: number | null;
  /** Execution value of the subgoal held before; for the q-minus-beta form. */
  readonly held_value?: number | null;
  /** What was observed; for GiGPO, which groups turns by it. */
  readonly observation?: string | null;
  /** Parts of the turn's text; each is answered by one number. */
  readonly segments?: readonly CreditSegment[] | null;
}

/** One episode. */
export interface CreditEpisode {
  /** Name, unique in the request. */
  readonly id: string;
  /** Episodes of one group share a task and a start. @default {the id} */
  readonly group?: string | null;
  /** Episodes with one strategy share their opening plan (StraTA). */
  readonly strategy?: string | null;
  /** Ended by the world. @default {true unless truncated} */
  readonly terminated?: boolean | null;
  /** Cut off by a limit. @default {false} */
  readonly truncated?: boolean | null;
  /** Its turns, in order. */
  readonly turns: readonly CreditTurn[];
  /** Value after the last turn of a truncated episode. */
  readonly bootstrap_value?: number | null;
}

/** A request. */
export interface CreditRequest {
  /** Version of the contract. @default {1} */
  readonly version?: 1;
  /** Name of an estimator. @default {"hae"} */
  readonly algorithm?: EstimatorName;
  /** Discount per turn, for estimators that discount. */
  readonly gamma?: number;
  /** Weight of later residuals within a segment; of all later ones for GAE. */
  readonly lambda?: number;
  /** Further discount per segment, of which there is none: planning is discounted by turns. Must be 1. */
  readonly gamma_plan?: number;
  /** Weight of later segments' residuals in planning. */
  readonly lambda_plan?: number;
  /** Whether advantages are brought to a common scale, each kind of decision apart, within the batch or each group. */
  readonly normalize?: "none" | "batch" | "group";
  /** Further settings of the estimator, by their own names. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Episodes. */
  readonly episodes: readonly CreditEpisode[];
}

/** A request that was read. */
export interface ReadCreditRequest {
  readonly episodes: readonly CreditEpisode[];
  readonly estimator: EstimatorConfig;
  /** Normalization that follows the estimator's own. */
  readonly normalize: "none" | "batch" | "group";
  /** Whether the estimator reads values and none were given. */
  readonly valueFree: boolean;
}

/** What is wrong with a value, and where in it; the path grows on the way out. */
interface Fault {
  readonly must: string;
  readonly value: unknown;
  path: string;
}

/** Checks a value; `undefined` means it is as it should be. */
type Check = (value: unknown) => Fault | undefined;

const fault = (must: string, value: unknown): Fault => ({
  must,
  value,
  path: "",
});

const finite: Check = (value) =>
  typeof value === "number" && Number.isFinite(value)
    ? undefined
    : fault("be a finite number", value);
const text: Check = (value) =>
  typeof value === "string" ? undefined : fault("be text", value);
const flag: Check = (value) =>
  typeof value === "boolean" ? undefined : fault("be true or false", value);
const unit: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= 1
    ? undefined
    : fault("be in [0, 1]", value);
const whole: Check = (value) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? undefined
    : fault("be a whole number, not negative", value);
const only = (wanted: unknown, must: string): Check => (value) =>
  value === wanted ? undefined : fault(must, value);
const oneOf = (...words: readonly string[]): Check => (value) =>
  typeof value === "string" && words.includes(value) ? undefined : fault(
    `be one of ${words.map((word) => `"${word}"`).join(", ")}`,
    value,
  );

/** An object with known keys; what is needed may not be null, what is optional may. */
const object = (
  known: Readonly<Record<string, Check>>,
  needed: readonly string[],
): Check => {
  const checks = new Map(Object.entries(known));
  return (value) => {
    if (!isObject(value)) return fault("be an object", value);
    for (const key in value) {
      const check = checks.get(key), part = value[key];
      const found = check === undefined
        ? fault(
          `be absent, as it is no part of the contract${meant(key, checks)}`,
          part,
        )
        : part === null && !needed.includes(key)
        ? undefined
        : check(part);
      if (found === undefined) continue;
      found.path = `.${key}${found.path}`;
      return found;
    }
    for (const key of needed) {
      if (Object.hasOwn(value, key)) continue;
      return { ...fault("be there", undefined), path: `.${key}` };
    }
    return undefined;
  };
};

function meant(key: string, known: ReadonlyMap<string, Check>): string {
  const near = nearestName(key, [...known.keys()]);
  return near === undefined ? "" : ` (did you mean "${near}"?)`;
}

/** A list of things. */
const list = (check: Check): Check => (value) => {
  if (!Array.isArray(value)) return fault("be a list", value);
  for (let i = 0; i < value.length; i++) {
    const found = check(value[i]);
    if (found === undefined) continue;
    found.path = `[${i}]${found.path}`;
    return found;
  }
  return undefined;
};

const checkSegment = object({
  role: oneOf("switch", "plan", "execute"),
  start: whole,
  end: whole,
}, ["role", "start", "end"]);

const checkTurn = object({
  reward: finite,
  kind: oneOf("plan", "execute"),
  subgoal: text,
  new_subgoal: flag,
  value: finite,
  value_plan: finite,
  value_switch: finite,
  switch_probability: unit,
  held_value: finite,
  observation: text,
  segments: list((value) => {
    const found = checkSegment(value);
    if (found !== undefined) return found;
    const { start, end } = value as CreditSegment;
    return end >= start
      ? undefined
      : { ...fault(`be at least ${start}, the start`, end), path: ".end" };
  }),
}, ["reward"]);

const checkRequest = object({
  version: only(1, "be 1"),
  algorithm: oneOf(...ESTIMATOR_NAMES),
  gamma: unit,
  lambda: unit,
  gamma_plan: only(
    1,
    'be 1, as planning is discounted by turns, with "gamma"',
  ),
  lambda_plan: unit,
  normalize: oneOf("none", "batch", "group"),
  settings: (value) =>
    isObject(value) ? undefined : fault("be an object", value),
  episodes: list(
    object({
      id: text,
      group: text,
      strategy: text,
      terminated: flag,
      truncated: flag,
      bootstrap_value: finite,
      turns: list(checkTurn),
    }, ["id", "turns"]),
  ),
}, ["episodes"]);

/**
 * Reads a request.
 *
 * @param request What was sent.
 * @returns Episodes, and the estimator with its settings.
 * @throws {CreditRequestError} If anything is unknown, missing or of the wrong kind; its place is named.
 */
export function readCreditRequest(request: unknown): ReadCreditRequest {
  const found = checkRequest(request);
  if (found !== undefined) {
    const place = found.path.replace(/^\./, "");
    throw new CreditRequestError(place, found.must, found.value);
  }
  const asked = request as CreditRequest;
  const { algorithm = "hae", episodes } = asked;
  checkEpisodes(episodes);
  const { critic, settings: schema } = estimatorOf(algorithm);
  const valueFree = critic && !hasValues(episodes);
  const own = readSettings(asked, algorithm, valueFree);
  const normalizes = "normalize" in schema.shape;
  const normalize = asked.normalize ?? (valueFree ? "group" : undefined);
  if (normalize !== undefined && normalizes) {
    own.normalize = normalize === "batch" ? "standard" : "none";
  }
  if (critic && !valueFree) checkValues(episodes, algorithm, own);
  return {
    episodes,
    // The estimator checks its settings itself.
    estimator: { ...own, name: algorithm } as EstimatorConfig,
    normalize: normalize === "group" || (normalize === "batch" && !normalizes)
      ? normalize
      : "none",
    valueFree,
  };
}

/** Settings of the estimator from those of the contract. */
function readSettings(
  asked: CreditRequest,
  algorithm: EstimatorName,
  valueFree: boolean,
): Record<string, unknown> {
  const { settings: schema } = estimatorOf(algorithm);
  const known = Object.keys(schema.shape);
  const own: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(asked.settings ?? {})) {
    try {
      checkName("assign credit", key, {
        what: `a setting of "${algorithm}"`,
        names: known,
      });
    } catch (error) {
      throw new CreditRequestError(
        `settings.${key}`,
        `be a setting of "${algorithm}"${
          (error as Error).message.replace(/^[^:]*/, "")
        }`,
        value,
      );
    }
    const result = schema.partial().safeParse({ [key]: value });
    if (!result.success) {
      throw new CreditRequestError(
        `settings.${key}`,
        `fit the setting "${key}" of "${algorithm}"`,
        value,
      );
    }
    own[key] = value;
  }
  const words = {
    gamma: ["gamma"],
    lambda: ["lambdaTurn", "lambda"],
    lambda_plan: ["lambdaSegment"],
  } as const;
  for (const word of ["gamma", "lambda", "lambda_plan"] as const) {
    const value = asked[word];
    if (value === undefined) continue;
    const name = words[word].find((one) => known.includes(one));
    if (name === undefined) {
      throw new CreditRequestError(
        word,
        `be absent, as "${algorithm}" has no such setting`,
        value,
      );
    }
    own[name] = value;
  }
  if (algorithm === "hae") {
    if (valueFree) {
      own.lambdaTurn = own.lambdaSegment = own.lambdaBoundary = 1;
      own.heads = 3;
    } else own.heads ??= headsOf(asked.episodes);
  } else if (valueFree) own.lambda = 1;
  return own;
}

/** Whether any turn has a value. */
function hasValues(episodes: readonly CreditEpisode[]): boolean {
  return episodes.some(({ turns }) =>
    turns.some(({ value, value_plan, value_switch }) =>
      isNumber(value) || isNumber(value_plan) || isNumber(value_switch)
    )
  );
}

/** Value heads that the turns have values of. */
function headsOf(episodes: readonly CreditEpisode[]): 1 | 2 | 3 {
  const turns = episodes.flatMap((one) => one.turns);
  if (turns.some(({ value_switch }) => isNumber(value_switch))) return 3;
  return turns.some(({ value_plan }) => isNumber(value_plan)) ? 2 : 1;
}

/** Throws if a turn lacks a value that the estimator reads, or a cut-off episode its last. */
function checkValues(
  episodes: readonly CreditEpisode[],
  algorithm: EstimatorName,
  settings: Readonly<Record<string, unknown>>,
): void {
  const { heads = 3, truncation = "bootstrap" } = settings;
  const needsSwitch = algorithm !== "hae" || heads === 3;
  const needsPlan = algorithm === "token-gae" ||
    (algorithm === "hae" && heads !== 1);
  const needsExecution = algorithm !== "gae";
  for (const [i, { turns, truncated, bootstrap_value }] of episodes.entries()) {
    if (
      truncated === true && truncation === "bootstrap" &&
      !isNumber(bootstrap_value)
    ) {
      throw new CreditRequestError(
        `episodes[${i}].bootstrap_value`,
        "be a number, as the episode is truncated and other turns have values",
        bootstrap_value,
      );
    }
    for (const [t, turn] of turns.entries()) {
      const plans = turn.kind === "plan";
      const starts = startsSegment(turns, t);
      const missing = (needsExecution && !plans && !isNumber(turn.value))
        ? "value"
        : needsPlan && starts && !isNumber(turn.value_plan)
        ? "value_plan"
        : needsSwitch && !plans && !isNumber(turn.value_switch) &&
            !(algorithm === "gae" && isNumber(turn.value))
        ? "value_switch"
        : undefined;
      if (missing === undefined) continue;
      throw new CreditRequestError(
        `episodes[${i}].turns[${t}].${missing}`,
        "be a number, as other turns have values",
        turn[missing as keyof CreditTurn],
      );
    }
  }
}

/** Whether a subgoal is taken up on a turn. */
export function startsSegment(
  turns: readonly CreditTurn[],
  t: number,
): boolean {
  const { kind, new_subgoal, subgoal } = turns[t]!;
  if (t === 0 || kind === "plan") return true;
  // The turn after one that only planned acts under its plan.
  if (turns[t - 1]!.kind === "plan" && new_subgoal !== true) return false;
  if (typeof new_subgoal === "boolean") return new_subgoal;
  return typeof subgoal === "string" && subgoal !== turns[t - 1]!.subgoal;
}

/** What holds between the parts of episodes. */
function checkEpisodes(episodes: readonly CreditEpisode[]): void {
  const names = new Set<string>();
  for (const [i, { id, terminated, truncated, turns }] of episodes.entries()) {
    if (names.has(id)) {
      throw new CreditRequestError(
        `episodes[${i}].id`,
        "be unique in the request",
        id,
      );
    }
    names.add(id);
    if (terminated === true && truncated === true) {
      throw new CreditRequestError(
        `episodes[${i}].truncated`,
        "be false where terminated is true",
        true,
      );
    }
    if (terminated === false && truncated !== true) {
      throw new CreditRequestError(
        `episodes[${i}].truncated`,
        "be true where terminated is false",
        truncated,
      );
    }
    if (turns.length === 0) {
      throw new CreditRequestError(
        `episodes[${i}].turns`,
        "not be empty",
        turns,
      );
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function show(value: unknown): string {
  if (value === undefined) return "absent";
  const json = typeof value === "number"
    ? String(value)
    : JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
}
