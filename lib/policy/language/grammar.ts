/**
 * Constrained decoding: the tokens allowed next, so that a reply has the form of the three blocks.
 *
 * @module
 */

import type {
  AllowedTokens,
  ByDecision,
  DecisionName,
  Situation,
} from "../../trajectory.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/**
 * How replies are written.
 *
 * - `free`: any token at any time;
 * - `skeleton`: the tags are given, and KEEP or SWITCH and the contents are the model's;
 * - `admissible`: as `skeleton`, and the action is one that the world accepts now.
 */
export type Decoding = "free" | "skeleton" | "admissible";

/** Allowed next tokens: a list, or all except a list; and how one of them is drawn. */
export type NextTokens =
  & (
    | {
      readonly only: readonly number[];
      /** Added to their logits, after division by the temperature; absent means 0. */
      readonly offsets?: readonly number[];
    }
    | { readonly except: readonly number[] }
  )
  & {
    /** Sampling temperature; absent means the policy's. */
    readonly temperature?: number;
  };

/** Grammar state of one reply. */
export interface ReplyGrammar {
  /** Allowed next tokens; a single one is forced. */
  next(): NextTokens;
  accept(token: number): void;
  done(): boolean;
  /** Whether the state before the next token is that of a value head, so that given tokens are fed up to here. */
  marked?(): boolean;
}

/** Which blocks of a reply are written: all, those before the action, the action, or the strategy of an episode. */
export type ReplyPart = "whole" | "plan" | "action" | "strategy";

/** Starts the grammar of the reply in a situation. */
export interface ReplyForm {
  (situation: Situation, part?: ReplyPart): ReplyGrammar;
  /** All lists of excluded tokens of its grammars. */
  readonly exclusions: readonly (readonly number[])[];
  /** Whether tokens are drawn with offsets, or at temperatures of their own. */
  readonly weighted: boolean;
}

/** Options of {@linkcode replyGrammar}. */
export interface GrammarOptions {
  readonly decoding: Exclude<Decoding, "free">;
  /** Most tokens of a free subgoal or action; then its block is closed. */
  readonly maxContentTokens: number;
  /** Lists subgoals to draw from; where it lists none, and without it, subgoals are free. The held one is left out. */
  readonly listSubgoals?:
    | ((situation: Situation) => readonly string[])
    | undefined;
  /** Added to the logit of KEEP where the subgoal may be kept or switched. @default {0} */
  readonly keepOffset?: number;
  /** Sampling temperatures by decision; absent means the policy's. */
  readonly temperatures?: Partial<ByDecision<number>> | undefined;
  /** Whether strategies are written. @default {false} */
  readonly strategies?: boolean | undefined;
}

/** Free text up to a closing tag. */
interface FreePart {
  readonly closing: Int32Array;
  /** Tokens excluded throughout: tags and ends except the closing tag. */
  readonly except: readonly number[];
  /** Tokens excluded at the start: the same and the closing tag. */
  readonly exceptFirst: readonly number[];
}

/** A part of a reply: one of some token sequences, or free text; and how it is drawn. */
interface Part {
  readonly content: readonly Int32Array[] | FreePart;
  /** Whose temperature it is drawn at. */
  readonly decision: DecisionName;
  /** Added to the logits of the first tokens of the sequences; absent means 0. */
  readonly offsets?: readonly number[];
  /** Whether the state before it is that of a value head. */
  readonly marked?: boolean;
}

/**
 * Builds the form of replies.
 *
 * Without a held subgoal SWITCH is forced; after KEEP the held subgoal is copied.
 * Free contents hold no tag and are not empty. Where subgoals are listed, a switch takes another than the held one.
 */
export function replyGrammar(
  tokenizer: TextTokenizer,
  options: GrammarOptions,
): ReplyForm {
  const { decoding, maxContentTokens, keepOffset = 0 } = options;
  const { listSubgoals, temperatures = {}, strategies = false } = options;
  const ids = (text: string) => tokenizer.encode(text);
  const marked: number[] = []; // tokens that contain "<": tags and ends
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    if (tokenizer.piece(id).includes("<")) marked.push(id);
  }
  const free = (tag: string): FreePart => {
    const closing = ids(tag);
    const except = marked.filter((id) => id !== closing[0]);
    return { closing, except, exceptFirst: [...except, closing[0]!] };
  };
  const form = {
    open: ids("<switch>"),
    keep: ids("KEEP</switch>\n<subgoal>"),
    begin: ids("SWITCH</switch>\n<subgoal>"),
    subgoal: free("</subgoal>"),
    middle: ids("\n<action>"),
    alone: ids("<action>"),
    action: free("</action>"),
  };
  const whole = strategies
    ? { open: ids("<strategy>"), free: free("</strategy>") }
    : undefined;
  /** One of the listed subgoals, or free text where none is listed. */
  const oneOf = (
    situation: Situation,
    { free, closing }: { free: FreePart; closing: string },
  ): Part["content"] => {
    const others = (listSubgoals?.(situation) ?? [])
      .filter((subgoal) => subgoal !== situation.subgoal);
    return others.length === 0
      ? free
      : [...new Set(others)].map((subgoal) => ids(`${subgoal}${closing}`));
  };
  const subgoalsOf = (situation: Situation) =>
    oneOf(situation, { free: form.subgoal, closing: "</subgoal>" });
  const strategyParts = (situation: Situation): Part[] =>
    whole
      ? [{ content: [whole.open], decision: "planning" }, {
        content: oneOf(situation, {
          free: whole.free,
          closing: "</strategy>",
        }),
        decision: "planning",
      }]
      : [];
  const planParts = (situation: Situation): Part[] => {
    const first = situation.subgoal === undefined;
    return [
      { content: [form.open], decision: "switching" },
      {
        content: first ? [form.begin] : [form.keep, form.begin],
        decision: "switching",
        offsets: first ? [0] : [keepOffset, 0],
      },
      { content: subgoalsOf(situation), decision: "planning" },
    ];
  };
  const actionParts = (
    { observation: { admissibleActions } }: Situation,
    opening: Int32Array,
  ): Part[] => {
    const listed = decoding === "admissible" && admissibleActions.length > 0;
    return [
      { content: [opening], decision: "execution", marked: true },
      {
        content: listed
          ? admissibleActions.map((action) => ids(`${action}</action>`))
          : form.action,
        decision: "execution",
      },
    ];
  };
  const start = (
    situation: Situation,
    part: ReplyPart = "whole",
  ): ReplyGrammar => {
    const parts = part === "action"
      ? actionParts(situation, form.alone)
      : part === "strategy"
      ? strategyParts(situation)
      : part === "plan"
      ? planParts(situation)
      : [...planParts(situation), ...actionParts(situation, form.middle)];
    return followParts(parts, {
      maxContentTokens,
      temperatures,
      replace: (index, taken) =>
        (part === "whole" || part === "plan") && index === 1 &&
          same(taken, form.keep)
          ? {
            content: [ids(`${situation.subgoal}</subgoal>`)],
            decision: "planning",
          }
          : undefined,
    });
  };
  const exclusions = [form.subgoal, form.action, ...whole ? [whole.free] : []]
    .flatMap(({ exceptFirst, except }) => [exceptFirst, except]);
  const weighted = keepOffset !== 0 || Object.keys(temperatures).length > 0;
  return Object.assign(start, { exclusions, weighted });
}

/** A grammar that records the allowed tokens at each position. */
export interface RecordingGrammar extends ReplyGrammar {
  /** Allowed tokens so far. */
  allowed(): AllowedTokens;
}

/** Starts a grammar that records what it allows. */
export function recordingGrammar(
  form: ReplyForm,
  situation: Situation,
  part: ReplyPart = "whole",
): RecordingGrammar {
  const grammar = form(situation, part);
  const ids: number[] = [], starts = [0], excluded: number[] = [];
  const offsets: number[] = [], temperatures: number[] = [];
  let upcoming: NextTokens | undefined;
  const next = () => upcoming ??= grammar.next();
  return {
    next,
    done: () => grammar.done(),
    marked: () => grammar.marked?.() ?? false,
    accept(token) {
      const allowed = next();
      upcoming = undefined;
      if ("only" in allowed) {
        ids.push(...allowed.only);
        offsets.push(...allowed.only.map((_, i) => allowed.offsets?.[i] ?? 0));
      }
      excluded.push(
        "only" in allowed ? 0 : 1 + form.exclusions.indexOf(allowed.except),
      );
      temperatures.push(allowed.temperature ?? NaN);
      starts.push(ids.length);
      grammar.accept(token);
    },
    allowed: () => ({
      ids: Int32Array.from(ids),
      starts: Int32Array.from(starts),
      excluded: Uint8Array.from(excluded),
      ...(offsets.some((offset) => offset !== 0) && {
        offsets: Float32Array.from(offsets),
      }),
      ...(temperatures.some((one) => !Number.isNaN(one)) && {
        temperatures: Float32Array.from(temperatures),
      }),
    }),
  };
}

/** What was allowed in a plan, then in the action after it. */
export function joinAllowed(
  plan: AllowedTokens,
  action: AllowedTokens,
): AllowedTokens {
  const shift = plan.ids.length;
  const column = (
    name: "offsets" | "temperatures",
    missing: number,
    sizes: (one: AllowedTokens) => number,
  ) =>
    plan[name] || action[name]
      ? {
        [name]: Float32Array.from(
          [plan, action].flatMap((one) => [
            ...(one[name] ?? new Float32Array(sizes(one)).fill(missing)),
          ]),
        ),
      }
      : {};
  return {
    ids: Int32Array.of(...plan.ids, ...action.ids),
    starts: Int32Array.of(
      ...plan.starts,
      ...action.starts.subarray(1).map((start) => start + shift),
    ),
    excluded: Uint8Array.of(...plan.excluded, ...action.excluded),
    ...column("offsets", 0, ({ ids }) => ids.length),
    ...column("temperatures", NaN, ({ excluded }) => excluded.length),
  };
}

/** Allowed tokens of each position from a record; `exclusions` are those of its form. */
export function readAllowed(
  { ids, starts, excluded, offsets, temperatures }: AllowedTokens,
  exclusions: readonly (readonly number[])[],
): NextTokens[] {
  return Array.from(excluded, (list, t): NextTokens => {
    const own = temperatures?.[t] ?? NaN;
    const drawn = Number.isNaN(own) ? {} : { temperature: own };
    if (list > 0) return { except: exclusions[list - 1]!, ...drawn };
    const [from, to] = [starts[t]!, starts[t + 1]!];
    return {
      only: [...ids.subarray(from, to)],
      ...(offsets && { offsets: [...offsets.subarray(from, to)] }),
      ...drawn,
    };
  });
}

/** Follows parts one after the other. */
function followParts(
  parts: Part[],
  options: {
    maxContentTokens: number;
    temperatures: Partial<ByDecision<number>>;
    /** Replacement of the part after a completed one, given its tokens. */
    replace: (index: number, taken: readonly number[]) => Part | undefined;
  },
): ReplyGrammar {
  let index = 0, taken: number[] = [];
  const isOpen = (ids: Int32Array) =>
    taken.every((token, i) => ids[i] === token);
  /** Tokens of the closing tag so far; 0 where it is forced by the length limit. */
  const closed = ({ closing }: FreePart) => {
    const begun = taken.indexOf(closing[0]!);
    if (begun >= 0) return taken.length - begun;
    return taken.length < options.maxContentTokens ? undefined : 0;
  };
  const allowed = ({ content, offsets }: Part): NextTokens => {
    if (isChoice(content)) {
      const next = new Map<number, number>();
      for (const [i, ids] of content.entries()) {
        if (!isOpen(ids)) continue;
        next.set(ids[taken.length]!, offsets?.[i] ?? 0);
      }
      const only = [...next.keys()];
      return offsets && only.length > 1
        ? { only, offsets: [...next.values()] }
        : { only };
    }
    const at = closed(content);
    if (at !== undefined) return { only: [content.closing[at]!] };
    return {
      except: taken.length === 0 ? content.exceptFirst : content.except,
    };
  };
  return {
    done: () => index === parts.length,
    marked: () => taken.length === 0 && (parts[index]?.marked ?? false),
    next() {
      const part = parts[index];
      if (!part) return { only: [] };
      const temperature = options.temperatures[part.decision];
      const next = allowed(part);
      return temperature === undefined || isForced(next)
        ? next
        : { ...next, temperature };
    },
    accept(token) {
      const part = parts[index];
      if (!part) return;
      taken.push(token);
      const { content } = part;
      const complete = isChoice(content)
        ? content.some((ids) => isOpen(ids) && ids.length === taken.length)
        : closed(content) === content.closing.length;
      if (!complete) return;
      const next = options.replace(index, taken);
      if (next) parts[index + 1] = next;
      index++;
      taken = [];
    },
  };
}

/** Whether only one token is allowed. */
export function isForced(next: NextTokens): boolean {
  return "only" in next && next.only.length === 1;
}

/** Whether a part is one of some sequences. */
function isChoice(
  content: Part["content"],
): content is readonly Int32Array[] {
  return Array.isArray(content);
}

/** Whether two sequences are the same. */
function same(a: readonly number[], b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}
