import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { Decision, TokenTrace } from "../../lib/trajectory.ts";
import { replyTokens } from "../../lib/plots/reply_figure.ts";
import { figureBundle } from "../../lib/plots/show.ts";
import { DECISION_COLORS } from "../../lib/plots/figure.ts";

interface Drawn {
  readonly shapes: readonly {
    readonly x0: number;
    readonly x1: number;
    readonly y0: number;
    readonly fillcolor: string;
  }[];
  readonly annotations: readonly { readonly text: string }[];
}

const PIECES = ["<switch>", "SWITCH", "</switch>", "\n", " it"];

function decisionOf(parts: Partial<TokenTrace>): Decision {
  const reply = Int32Array.from(PIECES, (_, i) => i);
  const trace: TokenTrace = {
    kind: "tokens",
    prompt: new Int32Array(0),
    reply,
    logProbs: new Float32Array(reply.length).fill(Math.log(0.25)),
    spans: {
      switching: { start: 0, end: 3 },
      planning: undefined,
      execution: { start: 4, end: 5 },
    },
    sampled: Uint8Array.of(0, 1, 0, 0, 1),
    ...parts,
  };
  return { switched: true, subgoal: "", action: "", valid: true, trace };
}

const drawn = (decision: Decision, pieces: readonly string[] = PIECES) => {
  const figure = replyTokens(decision, { piece: (token) => pieces[token]! });
  const { shapes, annotations } = figure.layout;
  return {
    figure,
    shapes: shapes as Drawn["shapes"],
    annotations: annotations as Drawn["annotations"],
  };
};

Deno.test("replyTokens() colors a token by its decision, in full where it was a choice", () => {
  const { shapes } = drawn(decisionOf({}));
  const { switching, execution } = DECISION_COLORS;
  const full = shapes.map(({ fillcolor }) => fillcolor);
  deepStrictEqual([full[1], full[4]], [switching, execution]);
  ok([full[0], full[2], full[3]].every((color) => color!.startsWith("rgba(")));
  strictEqual(full[0], full[2]); // both tags of one block
  ok(full[3] !== full[0]); // what stands between blocks belongs to none
});

Deno.test("replyTokens() writes probabilities of choices only, and begins a row at a line's end", () => {
  const { annotations, shapes } = drawn(decisionOf({}));
  deepStrictEqual(annotations.map(({ text }) => text), [
    ...["<switch>", "SWITCH", "0.25", "</switch>", "↵", "·it", "0.25"],
  ]);
  ok(shapes[4]!.y0 < shapes[3]!.y0 && shapes[4]!.x0 === shapes[0]!.x0);
});

Deno.test("replyTokens() takes all tokens for choices where none was forced", () => {
  const { trace, ...rest } = decisionOf({});
  if (trace.kind !== "tokens") throw new Error("unreachable");
  const { sampled: _, ...free } = trace;
  const { annotations } = drawn({ ...rest, trace: free });
  strictEqual(annotations.length, 2 * PIECES.length);
});

Deno.test("replyTokens() names the decisions that were taken, with their credit", () => {
  const advantages = { switching: 0.5, planning: 7, execution: -0.25 };
  const piece = (token: number) => PIECES[token]!;
  const { data } = replyTokens(decisionOf({}), { piece, advantages });
  deepStrictEqual(data.map(({ name }) => name), [
    "switching: advantage 0.500",
    "execution: advantage -0.250",
  ]);
});

Deno.test("replyTokens() draws any text: boxes of a row do not overlap, the picture is well formed", () => {
  const texts = fc.array(fc.string({ unit: "binary", minLength: 1 }), {
    minLength: 1,
    maxLength: 24,
  });
  fc.assert(fc.property(texts, (pieces) => {
    const reply = Int32Array.from(pieces, (_, i) => i);
    const logProbs = new Float32Array(pieces.length);
    const sampled = new Uint8Array(pieces.length);
    const spans = {
      switching: undefined,
      planning: undefined,
      execution: undefined,
    };
    const { figure, shapes } = drawn(
      decisionOf({ reply, logProbs, sampled, spans }),
      pieces,
    );
    for (const [i, { x0, y0 }] of shapes.entries()) {
      const before = shapes[i - 1];
      ok(!before || y0 < before.y0 || x0 > before.x1);
    }
    const svg = String(figureBundle(figure)["image/svg+xml"]);
    // deno-lint-ignore no-control-regex
    ok(!/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(svg)); // not even XML can quote them
  }));
});

Deno.test("replyTokens() refuses a decision that was not written", () => {
  const trace = { kind: "untrainable" } as const;
  throws(() => drawn({ ...decisionOf({}), trace }), {
    name: "TypeError",
    message:
      'Cannot draw a reply as its trace must be of tokens: current value is "untrainable"',
  });
});
