/**
 * Constrained decoding: the tokens allowed next, so that a reply has the form of the three blocks.
 *
 * @module
 */

import type { AllowedTokens, Situation } from "../../trajectory.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/**
 * How replies are written.
 *
 * - `free`: any token at any time;
 * - `skeleton`: the tags are given, and KEEP or SWITCH and the contents are the model's;
 * - `admissible`: as `skeleton`, and the action is one that the world accepts now.
 */
export type Decoding = "free" | "skeleton" | "admissible";

/** Allowed next tokens: a list, or all except a list. */
export type NextTokens =
  | { readonly only: readonly number[] }
  | { readonly except: readonly number[] };

/** Grammar state of one reply. */
export interface ReplyGrammar {
  /** Allowed next tokens; a single one is forced. */
  next(): NextTokens;
  accept(token: number): void;
  done(): boolean;
}

/** Starts the grammar of the reply in a situation. */
export interface ReplyForm {
  (situation: Situation): ReplyGrammar;
  /** All lists of excluded tokens of its grammars. */
  readonly exclusions: readonly (readonly number[])[];
}

/** Options of {@linkcode replyGrammar}. */
export interface GrammarOptions {
  readonly decoding: Exclude<Decoding, "free">;
  /** Most tokens of a free subgoal or action; then its block is closed. */
  readonly maxContentTokens: number;
}

/** Free text up to a closing tag. */
interface FreePart {
  readonly closing: Int32Array;
  /** Tokens excluded throughout: tags and ends except the closing tag. */
  readonly except: readonly number[];
  /** Tokens excluded at the start: the same and the closing tag. */
  readonly exceptFirst: readonly number[];
}

/** A part of a reply: one of some token sequences, or free text. */
type Part = readonly Int32Array[] | FreePart;

/**
 * Builds the form of replies.
 *
 * Without a held subgoal SWITCH is forced; after KEEP the held subgoal is copied.
 * Free contents hold no tag and are not empty.
 */
export function replyGrammar(
  tokenizer: TextTokenizer,
  options: GrammarOptions,
): ReplyForm {
  const { decoding, maxContentTokens } = options;
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
    action: free("</action>"),
  };
  const start = (
    { subgoal, observation: { admissibleActions } }: Situation,
  ): ReplyGrammar => {
    const listed = decoding === "admissible" && admissibleActions.length > 0;
    const parts: Part[] = [
      [form.open],
      subgoal === undefined ? [form.begin] : [form.keep, form.begin],
      form.subgoal,
      [form.middle],
      listed
        ? admissibleActions.map((action) => ids(`${action}</action>`))
        : form.action,
    ];
    return followParts(parts, {
      maxContentTokens,
      replace: (index, taken) =>
        index === 1 && same(taken, form.keep)
          ? [ids(`${subgoal}</subgoal>`)]
          : undefined,
    });
  };
  const exclusions = [form.subgoal, form.action]
    .flatMap(({ exceptFirst, except }) => [exceptFirst, except]);
  return Object.assign(start, { exclusions });
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
): RecordingGrammar {
  const grammar = form(situation);
  const ids: number[] = [], starts = [0], excluded: number[] = [];
  let upcoming: NextTokens | undefined;
  const next = () => upcoming ??= grammar.next();
  return {
    next,
    done: () => grammar.done(),
    accept(token) {
      const allowed = next();
      upcoming = undefined;
      if ("only" in allowed) ids.push(...allowed.only);
      excluded.push(
        "only" in allowed ? 0 : 1 + form.exclusions.indexOf(allowed.except),
      );
      starts.push(ids.length);
      grammar.accept(token);
    },
    allowed: () => ({
      ids: Int32Array.from(ids),
      starts: Int32Array.from(starts),
      excluded: Uint8Array.from(excluded),
    }),
  };
}

/** Allowed tokens of each position from a record; `exclusions` are those of its form. */
export function readAllowed(
  { ids, starts, excluded }: AllowedTokens,
  exclusions: readonly (readonly number[])[],
): NextTokens[] {
  return Array.from(
    excluded,
    (list, t) =>
      list === 0
        ? { only: [...ids.subarray(starts[t], starts[t + 1])] }
        : { except: exclusions[list - 1]! },
  );
}

/** Follows parts one after the other. */
function followParts(
  parts: Part[],
  options: {
    maxContentTokens: number;
    /** Replacement of the part after a completed one, given its tokens. */
    replace: (index: number, taken: readonly number[]) => Part | undefined;
  },
): ReplyGrammar {
  let index = 0, taken: number[] = [];
  const open = (sequences: readonly Int32Array[]) =>
    sequences.filter((ids) => taken.every((token, i) => ids[i] === token));
  /** Tokens of the closing tag so far; 0 where it is forced by the length limit. */
  const closed = ({ closing }: FreePart) => {
    const begun = taken.indexOf(closing[0]!);
    if (begun >= 0) return taken.length - begun;
    return taken.length < options.maxContentTokens ? undefined : 0;
  };
  return {
    done: () => index === parts.length,
    next() {
      const part = parts[index];
      if (!part) return { only: [] };
      if (isChoice(part)) {
        const next = open(part).map((ids) => ids[taken.length]!);
        return { only: [...new Set(next)] };
      }
      const at = closed(part);
      if (at !== undefined) return { only: [part.closing[at]!] };
      return { except: taken.length === 0 ? part.exceptFirst : part.except };
    },
    accept(token) {
      const part = parts[index];
      if (!part) return;
      taken.push(token);
      const complete = isChoice(part)
        ? open(part).some((ids) => ids.length === taken.length)
        : closed(part) === part.closing.length;
      if (!complete) return;
      const next = options.replace(index, taken);
      if (next) parts[index + 1] = next;
      index++;
      taken = [];
    },
  };
}

/** Whether a part is one of some sequences. */
function isChoice(part: Part): part is readonly Int32Array[] {
  return Array.isArray(part);
}

/** Whether two sequences are the same. */
function same(a: readonly number[], b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}
