/**
 * Which tokens may come next, so that a reply has the form of the three blocks.
 *
 * @module
 */

import type { Situation } from "../trajectory.ts";
import type { TextTokenizer } from "./tokenizer.ts";

/**
 * How replies are written.
 *
 * - `free`: any token at any time;
 * - `skeleton`: the tags are given, and KEEP or SWITCH and the contents are the model's;
 * - `admissible`: as `skeleton`, and the action is one that the world accepts now.
 */
export type Decoding = "free" | "skeleton" | "admissible";

/** Follows one reply, token by token. */
export interface ReplyGrammar {
  /** Tokens that may come next; one is forced, `undefined` is any. */
  allowed(): readonly number[] | undefined;
  /** Takes the next token. */
  accept(token: number): void;
  /** Whether the reply is complete. */
  done(): boolean;
}

/** Options of {@linkcode startGrammar}. */
export interface GrammarOptions {
  /** How the reply is written. */
  readonly decoding: Exclude<Decoding, "free">;
  /** Most tokens of a free subgoal or action; then its block is closed. @default {24} */
  readonly maxContentTokens?: number;
}

/** A part of a reply: one of some token sequences, or free text up to a closing tag. */
type Part =
  | { readonly kind: "choice"; readonly sequences: readonly Int32Array[] }
  | { readonly kind: "free"; readonly closing: string };

/**
 * Starts a reply to a situation.
 *
 * Without a held subgoal the only way is to SWITCH; after KEEP the held subgoal is copied.
 *
 * @param situation What is replied to.
 * @param tokenizer Writes the parts.
 * @param options How free the reply is.
 * @returns The state of the reply, before its first token.
 */
export function startGrammar(
  situation: Situation,
  tokenizer: TextTokenizer,
  options: GrammarOptions,
): ReplyGrammar {
  const { decoding, maxContentTokens = 24 } = options;
  const { subgoal, observation } = situation;
  const sequence = (text: string) => tokenizer.encode(text);
  const choice = (...texts: string[]): Part => ({
    kind: "choice",
    sequences: texts.map(sequence),
  });
  const keep = "KEEP</switch>\n<subgoal>", begin = "SWITCH</switch>\n<subgoal>";
  const actions = observation.admissibleActions;
  const parts: Part[] = [
    choice("<switch>"),
    choice(...(subgoal ? [keep, begin] : [begin])),
    { kind: "free", closing: "</subgoal>" },
    choice("\n<action>"),
    decoding === "admissible" && actions.length > 0
      ? choice(...actions.map((action) => `${action}</action>`))
      : { kind: "free", closing: "</action>" },
  ];
  const kept = sequence(keep);
  let index = 0, taken: number[] = [], text = "";

  /** Sequences that begin with what was taken of this part. */
  const open = (part: Extract<Part, { kind: "choice" }>) =>
    part.sequences.filter((ids) => taken.every((token, i) => ids[i] === token));

  const advance = () => {
    if (index === 1 && subgoal && same(taken, kept)) {
      parts[2] = choice(`${subgoal}</subgoal>`);
    }
    index++;
    taken = [];
    text = "";
  };

  return {
    done: () => index === parts.length,
    allowed() {
      const part = parts[index];
      if (!part) return [];
      if (part.kind === "choice") {
        return [...new Set(open(part).map((ids) => ids[taken.length]!))];
      }
      if (taken.length < maxContentTokens) return undefined;
      const closing = sequence(part.closing);
      return [closing[taken.length - maxContentTokens]!];
    },
    accept(token) {
      const part = parts[index];
      if (!part) return;
      taken.push(token);
      text += tokenizer.piece(token);
      const complete = part.kind === "choice"
        ? open(part).some((ids) => ids.length === taken.length)
        : text.includes(part.closing);
      if (complete) advance();
    },
  };
}

/** Whether two sequences are the same. */
function same(a: readonly number[], b: Int32Array): boolean {
  return a.length === b.length && a.every((token, i) => token === b[i]);
}
