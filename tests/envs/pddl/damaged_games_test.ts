import { ok } from "node:assert/strict";
import fc from "fast-check";
import { GameError } from "../../../lib/envs/pddl/error.ts";
import type { GameFile } from "../../../lib/envs/pddl/game.ts";
import { compileGame } from "../../../lib/envs/pddl/game.ts";
import { miniatureHouse } from "./_miniature.ts";

Deno.test("a damaged game file is a game or a GameError, never anything else", () => {
  const file = JSON.stringify(miniatureHouse("two"));
  const damage = fc.record({
    at: fc.nat(file.length - 1),
    length: fc.nat(12),
    insert: fc.string({
      unit: fc.constantFrom(...'()?;{}[]#|"\\ax-&!: \n'),
      maxLength: 6,
    }),
  });
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = file;
      for (const { at, length, insert } of edits) {
        text = text.slice(0, at) + insert + text.slice(at + length);
      }
      try {
        const play = compileGame(text).start();
        play.intro;
        for (const command of play.admissible().slice(0, 5)) {
          play.fork().step(command);
        }
      } catch (error) {
        ok(
          error instanceof GameError,
          `${error instanceof Error ? error.stack : error}`,
        );
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("parts that are random texts are a game or a GameError", () => {
  const part = fc.string({
    unit: fc.constantFrom(
      ..."()?;- \n\"':{}#=",
      "define",
      "domain",
      "and",
      "not",
      ":action",
      "grammar",
    ),
    maxLength: 60,
  });
  const wholeOr = (key: keyof GameFile) =>
    fc.oneof(part, fc.constant(String(miniatureHouse("simple")[key])));
  fc.assert(
    fc.property(
      wholeOr("pddl_domain"),
      wholeOr("pddl_problem"),
      wholeOr("grammar"),
      (pddl_domain, pddl_problem, grammar) => {
        try {
          compileGame({ pddl_domain, pddl_problem, grammar });
        } catch (error) {
          ok(
            error instanceof GameError,
            `${error instanceof Error ? error.stack : error}`,
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});
