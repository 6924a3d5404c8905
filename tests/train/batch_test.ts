import fc from "fast-check";
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  imitationSamples,
  situationAt,
  toSamples,
} from "../../lib/train/batch.ts";
import {
  byDecision,
  type Credit,
  DECISIONS,
  type Trajectory,
} from "../../lib/trajectory.ts";
import { toRows } from "../_samples.ts";

const observation = (t: number) => ({
  text: `turn ${t}`,
  admissibleActions: ["go"],
  stateKey: String(t),
});

function episode(switches: readonly boolean[], id = "e"): Trajectory {
  let segment = 0;
  return {
    id,
    task: "leave",
    group: "g",
    turns: switches.map((switched, t) => ({
      observation: observation(t),
      decision: {
        switched: switched || t === 0,
        subgoal: `s${switched || t === 0 ? ++segment : segment}`,
        action: "go",
        valid: true,
        trace: { kind: "untrainable" },
      },
      reward: 0,
    })),
    ending: "terminated",
    success: true,
    score: 1,
    bootstrap: byDecision(() => 0),
    finalObservation: observation(switches.length),
    seed: 0,
  };
}

const episodes = fc.array(
  fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
  { minLength: 1, maxLength: 6 },
).map((all) => all.map((switches, i) => episode(switches, `e${i}`)));

function numbered(trajectories: readonly Trajectory[]): Credit[] {
  let next = 0;
  return trajectories.map(({ turns }) => ({
    advantages: byDecision(() => Float64Array.from(turns, () => next++ * 1.5)),
    targets: byDecision((name) =>
      Float64Array.from(
        turns,
        ({ decision }, t) =>
          name === "planning" && !decision.switched ? NaN : t,
      )
    ),
  }));
}

Deno.test("toSamples() makes one sample a turn, and trains planning where segments start", () => {
  fc.assert(fc.property(episodes, (trajectories) => {
    const samples = toRows(toSamples(trajectories, numbered(trajectories)));
    const turns = trajectories.flatMap((trajectory) => trajectory.turns);
    strictEqual(samples.length, turns.length);
    for (const [i, { decision, trained, targets }] of samples.entries()) {
      strictEqual(decision, turns[i]!.decision);
      deepStrictEqual(trained, {
        switching: true,
        planning: decision.switched,
        execution: true,
      });
      strictEqual(targets!.planning !== undefined, decision.switched);
    }
  }));
});

Deno.test("toSamples() believes credit about what is trained, and gives the rest no advantage", () => {
  fc.assert(fc.property(episodes, (trajectories) => {
    const credits = numbered(trajectories).map((credit, i): Credit => ({
      ...credit,
      trained: byDecision((name) =>
        Uint8Array.from(
          trajectories[i]!.turns,
          (_, t) => name === "execution" && t % 2 === 0 ? 1 : 0,
        )
      ),
    }));
    const samples = toRows(toSamples(trajectories, credits));
    const turns = trajectories.flatMap((one) => [...one.turns.keys()]);
    for (const [i, { advantages, trained }] of samples.entries()) {
      strictEqual(trained.execution, turns[i]! % 2 === 0);
      for (const name of DECISIONS) {
        if (!trained[name]) strictEqual(advantages[name], 0);
      }
    }
  }));
});

Deno.test("situationAt() knows what followed the last turn", () => {
  const trajectory = episode([true, false]);
  const { past, observation: seen } = situationAt(trajectory, 2);
  strictEqual(past.length, 2);
  strictEqual(seen.text, "turn 2");
  throws(() => situationAt(trajectory, 3), {
    name: "RangeError",
    message:
      'Cannot restore a situation as episode "e" must have turn 3: it has 2 turns',
  });
});

Deno.test("imitationSamples() finds every taken decision equally good", () => {
  const trajectory = episode([true, false, true]);
  const returns = new Float64Array([1, 2, 3]);
  const samples = toRows(imitationSamples([trajectory], returns));
  deepStrictEqual(samples.map(({ advantages }) => advantages.planning), [
    1,
    0,
    1,
  ]);
  deepStrictEqual(samples.map(({ targets }) => targets!.execution), [1, 2, 3]);
  strictEqual(imitationSamples([trajectory]).targets, undefined);
});

Deno.test("toSamples() names the episode whose credit does not fit", () => {
  const trajectory = episode([true, false], "corridor/3#1");
  throws(() => toSamples([trajectory], []), { name: "RangeError" });
  const advantages = byDecision(() => new Float64Array(1));
  throws(() => toSamples([trajectory], [{ advantages }]), {
    name: "RangeError",
    message:
      'Cannot join credit as every turn of episode "corridor/3#1" must have a switching advantage: 2 turns, 1 advantages',
  });
});
