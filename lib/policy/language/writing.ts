/**
 * Writing the replies of a batch of situations: plan and action to one prompt, or each to its own, or with other
 * subgoals in the plan's place.
 *
 * @module
 */

import type { Random } from "../../random.ts";
import type { AllowedTokens, Situation } from "../../trajectory.ts";
import { createPrefixCache } from "../decoder/fused_decoder.ts";
import type { BatchKvCache } from "../decoder/kv_cache.ts";
import type { PlanIntervention } from "../policy.ts";
import { generateReplies } from "./generate.ts";
import {
  joinAllowed,
  type RecordingGrammar,
  recordingGrammar,
  type ReplyPart,
} from "./grammar.ts";
import type { GeneratedReply, GenerationOptions } from "./partial_reply.ts";
import { joined } from "./prefix_sharing.ts";
import {
  actionPromptTokens,
  fittedPrompt,
  joinReplies,
  type LanguageContext,
  planOf,
  subgoalOf,
  type WrittenTurn,
} from "./replies.ts";

/** Writes replies; dispose it with its session. */
export interface ReplyWriter extends Disposable {
  /** Writes one reply to each situation, drawn from the situation's own stream. */
  write(
    situations: readonly Situation[],
    randoms: readonly Random[],
    options: {
      /** Rows of the session. */
      readonly rows: readonly number[];
      /** Keys and values of earlier turns. */
      readonly kvCache: BatchKvCache | undefined;
    },
  ): Promise<WrittenTurn[]>;
}

/** A plan in progress: what was written, and what could have been. */
interface Plan {
  readonly prompt: Int32Array;
  readonly reply: GeneratedReply;
  readonly subgoal: string;
  readonly allowed: AllowedTokens | undefined;
}

/** Makes a writer; `replace` exchanges the subgoals that it takes up. */
export function createReplyWriter(
  context: LanguageContext,
  replace?: PlanIntervention,
): ReplyWriter {
  const { actionPrompt } = context.settings;
  // Beginnings of prompts, of actions with a prompt of their own apart.
  const plans = createPrefixCache(), actions = createPrefixCache();
  return {
    async write(situations, randoms, { rows, kvCache }) {
      const prompts = situations.map((one) => fittedPrompt(context, one));
      const part = replace || actionPrompt ? "plan" : "whole";
      const grammars = startGrammars(context, situations, part);
      const replies = await generate(context, prompts, {
        ...{ randoms, grammars, prefixes: plans },
        kvCache,
      });
      const written = replies.map((reply, i): WrittenTurn => ({
        ...{ prompt: prompts[i]!, reply },
        allowed: grammars[i]?.allowed(),
      }));
      if (part === "whole") return written;
      const planned = written.map((turn, i) =>
        planFrom(turn, situations[i]!, randoms[i]!, rows[i]!)
      );
      return await writeActions(situations, randoms, planned);
    },
    [Symbol.dispose]() {
      plans[Symbol.dispose]();
      actions[Symbol.dispose]();
    },
  };

  /** The plan that was written, or another in its place. */
  function planFrom(
    { prompt, reply, allowed }: WrittenTurn,
    situation: Situation,
    random: Random,
    row: number,
  ): Plan {
    const chosen = subgoalOf(context, situation, reply);
    const keeps = situation.subgoal !== undefined &&
      !reply.pieces.join("").includes("SWITCH");
    if (!replace || keeps) return { prompt, reply, subgoal: chosen, allowed };
    const subgoal = replace({
      ...{ row, situation, chosen },
      proposed: context.settings.listSubgoals?.(situation) ?? [],
      random: random.fork("intervention"),
    });
    return {
      ...{ prompt, subgoal, allowed },
      reply: planOf(context, reply, { subgoal, held: situation.subgoal }),
    };
  }

  async function writeActions(
    situations: readonly Situation[],
    randoms: readonly Random[],
    planned: readonly Plan[],
  ): Promise<WrittenTurn[]> {
    const lineEnd = context.tokenizer.encode("\n");
    const prompts = planned.map(({ prompt, reply, subgoal }, i) =>
      actionPromptTokens(context, situations[i]!, subgoal) ??
        joined(joined(prompt, reply.tokens), lineEnd)
    );
    const grammars = startGrammars(context, situations, "action");
    const acted = await generate(context, prompts, {
      ...{ randoms, grammars, prefixes: actions },
      kvCache: undefined,
    });
    return planned.map(({ prompt, reply, allowed }, i) => {
      const own = grammars[i]?.allowed();
      return {
        prompt,
        reply: joinReplies(reply, acted[i]!),
        allowed: allowed && own && joinAllowed(allowed, own),
        action: { prompt: prompts[i]!, start: reply.tokens.length },
      };
    });
  }
}

/** Grammars of a part of each reply; none where replies are free. */
export function startGrammars(
  { form }: LanguageContext,
  situations: readonly Situation[],
  part: ReplyPart,
): RecordingGrammar[] {
  return form ? situations.map((one) => recordingGrammar(form, one, part)) : [];
}

/** Generates replies that end with the closing tag of their last block. */
export function generate(
  { network, tokenizer, settings, form }: LanguageContext,
  prompts: readonly Int32Array[],
  { grammars, stop = ["</action>"], ...options }:
    & Pick<GenerationOptions, "randoms" | "kvCache" | "prefixes" | "stop">
    & { readonly grammars: readonly RecordingGrammar[] },
): Promise<GeneratedReply[]> {
  const { maxReplyTokens, temperature, topP, topK, tokensPerReadback } =
    settings;
  return generateReplies(network.actor.model, prompts, {
    ...{ tokenizer, temperature, topP, topK, tokensPerReadback },
    ...options,
    adapter: network.actor.adapter,
    maxTokens: maxReplyTokens,
    signal: settings.signal,
    stop,
    skipThinking: settings.skipThinking,
    ...(form && { grammars, weighted: form.weighted }),
  });
}
