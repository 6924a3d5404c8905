import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  BLOCKS,
  formatReply,
  locateBlocks,
  parseReply,
} from "../../../lib/policy/language/blocks.ts";
import type { ByDecision, TokenSpan } from "../../../lib/trajectory.ts";
import { replayFile } from "../../_vectors.ts";

type Runs = [number, number][][];

interface SpanVector {
  name: string;
  L: number;
  pieces: string[][];
  cfg: {
    keep_values?: string[];
    fallback_action_to_full_response?: boolean;
    default_switch_value?: string;
  };
  outputs:
    & Record<
      "content_only" | "with_tags",
      { action: Runs; subgoal: Runs; switch: Runs; is_new_subgoal: number[] }
    >
    & Record<"value_boundary" | "value_inner", Record<string, Runs>>;
}

const run = (span: TokenSpan | undefined) =>
  span ? [[span.start, span.end]] : [];
const slot = (at: number | undefined) => at === undefined ? [] : [[at, at + 1]];

function replay(vector: SpanVector): void {
  const { cfg, outputs } = vector;
  const rows = (includeTags: boolean) =>
    vector.pieces.map((pieces) =>
      locateBlocks(pieces.slice(0, vector.L), {
        includeTags,
        ...(cfg.keep_values ? { keepWords: cfg.keep_values } : {}),
        ...(cfg.default_switch_value === undefined
          ? {}
          : { defaultWord: cfg.default_switch_value }),
        ...(cfg.fallback_action_to_full_response === undefined
          ? {}
          : { wholeReplyFallback: cfg.fallback_action_to_full_response }),
      })
    );
  for (const key of ["content_only", "with_tags"] as const) {
    const found = rows(key === "with_tags"), expected = outputs[key];
    const runs = (name: keyof ByDecision<unknown>) =>
      found.map((row) => run(row.spans[name]));
    deepStrictEqual(runs("execution"), expected.action, `${key} action`);
    deepStrictEqual(runs("planning"), expected.subgoal, `${key} subgoal`);
    deepStrictEqual(runs("switching"), expected.switch, `${key} switch`);
    deepStrictEqual(
      found.map((row) => Number(row.switched)),
      expected.is_new_subgoal,
      `${key} is_new_subgoal`,
    );
  }
  for (const key of ["value_boundary", "value_inner"] as const) {
    const found = rows(true), expected = outputs[key];
    // A later turn that keeps its subgoal reads no planning value.
    const reads = key === "value_boundary";
    deepStrictEqual(
      found.map((row) => slot(reads ? row.valueSlots.planning : undefined)),
      expected.high,
      `${key} high`,
    );
    deepStrictEqual(
      // The reference marks slot 0 of an empty row too, and masks it later.
      found.map((row) => slot(row.valueSlots.execution ?? 0)),
      expected.low,
      `${key} low`,
    );
    deepStrictEqual(
      found.map((row) => slot(row.valueSlots.switching)),
      expected.term,
      `${key} term`,
    );
  }
}

replayFile<SpanVector>("masks/tag_spans.json", replay);
replayFile<SpanVector>("masks/tag_spans_batches.json", replay);

const fragment = fc.constantFrom(
  ...BLOCKS.flatMap((name) => [`<${name}>`, `</${name}>`, `<${name}`]),
  "KEEP",
  "SWITCH",
  "go",
  ".",
  "]",
  "",
  "\n",
  "é",
  "😀",
  "><",
);

Deno.test("locateBlocks() gives spans and slots within the reply for any pieces", () => {
  fc.assert(fc.property(fc.array(fragment), fc.boolean(), (pieces, tags) => {
    const { spans, valueSlots } = locateBlocks(pieces, { includeTags: tags });
    for (const span of Object.values(spans)) {
      if (!span) continue;
      ok(0 <= span.start && span.start < span.end && span.end <= pieces.length);
    }
    for (const at of Object.values(valueSlots)) {
      strictEqual(at === undefined, pieces.length === 0);
      if (at !== undefined) ok(at >= 0 && at < pieces.length);
    }
  }));
});

Deno.test("locateBlocks() covers the same characters however a reply is cut into tokens", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 12 });
  const text = formatReply({
    switching: "SWITCH",
    subgoal: "find the mug",
    action: "go to shelf 1",
  });
  fc.assert(fc.property(cuts, (places) => {
    const edges = [0, ...new Set(places), text.length]
      .filter((place) => place <= text.length).sort((a, b) => a - b);
    const pieces = edges.slice(1).map((end, i) => text.slice(edges[i], end));
    const { spans, switched } = locateBlocks(pieces);
    ok(switched);
    for (
      const [name, tag] of [["switching", "switch"], ["planning", "subgoal"], [
        "execution",
        "action",
      ]] as const
    ) {
      const { start, end } = spans[name]!;
      const covered = pieces.slice(start, end).join("");
      ok(covered.includes(`<${tag}>`) && covered.includes(`</${tag}>`));
      // Not one token more than needed at either edge.
      ok(!pieces.slice(start + 1, end).join("").includes(`<${tag}>`));
      ok(!pieces.slice(start, end - 1).join("").includes(`</${tag}>`));
    }
  }));
});

Deno.test("locateBlocks() and parseReply() agree on every well-formed reply", () => {
  const word = fc.constantFrom("KEEP", "SWITCH");
  fc.assert(fc.property(word, (switching) => {
    const text = formatReply({ switching, subgoal: "a b", action: "c" });
    strictEqual(locateBlocks([...text]).switched, switching === "SWITCH");
    strictEqual(parseReply(text).switching, switching);
  }));
});

Deno.test("locateBlocks() finds tags in any case when told to", () => {
  const pieces = [
    "<SWITCH>",
    "keep",
    "</SWITCH>",
    "<Action>İ",
    "go",
    "</ACTION>",
  ];
  strictEqual(locateBlocks(pieces).spans.switching, undefined);
  const { spans, switched } = locateBlocks(pieces, { ignoreCase: true });
  deepStrictEqual(spans.execution, { start: 3, end: 6 });
  deepStrictEqual(spans.switching, { start: 0, end: 3 });
  ok(!switched);
});
