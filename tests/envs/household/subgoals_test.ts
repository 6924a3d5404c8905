import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Observation, Situation, Turn } from "../../../lib/trajectory.ts";
import {
  listHouseholdAlternatives,
  nameHouseholdSubgoal,
  proposeHouseholdSubgoals,
} from "../../../lib/envs/household/subgoals.ts";
import { rememberHousehold } from "../../../lib/envs/household/memory.ts";

interface Step {
  readonly cmd: string | null;
  readonly obs: string;
  readonly adm: readonly string[];
  readonly won?: boolean;
}
interface Trace {
  readonly kind: string;
  readonly steps: readonly Step[];
}

const TRACES = new URL(
  "../../../../shared/data/tw_samples/traces.jsonl.gz",
  import.meta.url,
);

async function readTraces(): Promise<Trace[]> {
  const file = await Deno.open(TRACES);
  const lines = file.readable.pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(lines).text();
  return text.trim().split("\n").map((line) => JSON.parse(line));
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

function observation({ obs, adm }: Step): Observation {
  return { text: obs, admissibleActions: adm, stateKey: "" };
}

/** The situation before command `t + 1` of a trace. */
function situationAt({ steps }: Trace, t: number): Situation {
  const task = /Your task is to: (.*)$/m.exec(steps[0]!.obs)![1]!;
  const past = steps.slice(0, t).map((step, i): Turn => ({
    observation: observation(step),
    decision: {
      switched: false,
      subgoal: "",
      action: steps[i + 1]!.cmd!,
      valid: true,
      trace: { kind: "untrainable" },
    },
    reward: 0,
  }));
  return { task, past, observation: observation(steps[t]!) };
}

Deno.test({
  name:
    "proposeHouseholdSubgoals() offers what the solution needs, all along it [needs recorded games]",
  ignore: !exists(TRACES),
  async fn() {
    const solutions = (await readTraces())
      .filter(({ kind }) => kind !== "random");
    strictEqual(solutions.length, 6);
    for (const trace of solutions) {
      const won = trace.steps.findIndex((step) => step.won === true);
      const plan = trace.steps.slice(1, won + 1).map(({ cmd }) => cmd!);
      const held: string[] = [];
      for (let t = 0; t < plan.length; t++) {
        const situation = situationAt(trace, t);
        const subgoal = nameHouseholdSubgoal(situation.task, plan.slice(t))!;
        const proposals = proposeHouseholdSubgoals(situation);
        ok(proposals.includes(subgoal), `${subgoal} not in ${proposals}`);
        ok(proposals.length >= 3, `planning is no choice: ${proposals}`);
        if (subgoal !== held.at(-1)) held.push(subgoal);
      }
      ok(held.length > 1, held.join("; "));
    }
  },
});

Deno.test({
  name:
    "proposeHouseholdSubgoals() gives a short list without repetition anywhere [needs recorded games]",
  ignore: !exists(TRACES),
  async fn() {
    for (const trace of await readTraces()) {
      for (let t = 0; t < trace.steps.length; t++) {
        const proposals = proposeHouseholdSubgoals(situationAt(trace, t));
        strictEqual(new Set(proposals).size, proposals.length);
        ok(proposals.length >= 1 && proposals.length <= 16, `${proposals}`);
      }
    }
  },
});

const PLAN = [
  "go to countertop 2",
  "take cd 1 from countertop 2",
  "go to safe 1",
  "open safe 1",
  "move cd 1 to safe 1",
  "go to desk 1",
  "take cd 3 from desk 1",
  "go to safe 1",
  "move cd 3 to safe 1",
];

Deno.test("nameHouseholdSubgoal() cuts a plan for two objects into six subgoals", () => {
  const named = PLAN.map((_, t) =>
    nameHouseholdSubgoal("put two cd in safe.", PLAN.slice(t))
  );
  deepStrictEqual(named, [
    "find a cd",
    "take the cd 1 from countertop 2",
    "put the cd in the safe",
    "put the cd in the safe",
    "put the cd in the safe",
    "find a second cd",
    "take the cd 3 from desk 1",
    "put the cd in the safe",
    "put the cd in the safe",
  ]);
});

Deno.test("nameHouseholdSubgoal() tells looking for a lamp from using it", () => {
  const task = "look at book under the desklamp.";
  const plan = ["go to desk 1", "use desklamp 1"];
  strictEqual(nameHouseholdSubgoal(task, plan), "find a desklamp");
  strictEqual(nameHouseholdSubgoal(task, plan.slice(1)), "use the desklamp");
  strictEqual(nameHouseholdSubgoal(task, ["go to desk 1"]), "find a desklamp");
  strictEqual(nameHouseholdSubgoal(task, []), undefined);
});

Deno.test("nameHouseholdSubgoal() puts a wrong object down before anything else", () => {
  const plan = ["go to desk 1", "move pen 1 to desk 1", "go to bed 1"];
  strictEqual(
    nameHouseholdSubgoal("put a book in bed.", plan),
    "put the pen down",
  );
});

Deno.test("rememberHousehold() follows what is held and where things were seen", () => {
  const texts = [
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you see a desk 1, and a safe 1.\n\nYour task is to: put two cd in safe.",
    "You arrive at desk 1. On the desk 1, you see a cd 3, a pen 2, and a cd 1.",
    "You pick up the cd 3 from the desk 1.",
    "You arrive at safe 1. The safe 1 is closed.",
    "You open the safe 1. The safe 1 is open. In it, you see nothing.",
    "You move the cd 3 to the safe 1.",
  ];
  const steps = texts.map((obs, i) => ({
    cmd: i === 0 ? null : "-",
    obs,
    adm: [],
  }));
  const memory = rememberHousehold(situationAt({ kind: "", steps }, 5));
  deepStrictEqual(memory.receptacles, ["desk 1", "safe 1"]);
  strictEqual(memory.held, undefined);
  strictEqual(memory.here, "safe 1");
  deepStrictEqual(memory.places.get("cd 3"), "safe 1");
  deepStrictEqual(memory.places.get("cd 1"), "desk 1");
  deepStrictEqual([...memory.seen], ["desk 1", "safe 1"]);
  strictEqual(
    rememberHousehold(situationAt({ kind: "", steps }, 3)).held,
    "cd 3",
  );
});

Deno.test("listHouseholdAlternatives() lists unseen places, and only in search", () => {
  const look = (obs: string, adm: string[]) => ({ cmd: "-", obs, adm });
  const survey =
    "-= Welcome to TextWorld, ALFRED! =-\n\nYou are in the middle of a room. Looking quickly around you, you see a desk 1, a safe 1, and a shelf 1.\n\nYour task is to: put two cd in safe.";
  const walks = ["go to desk 1", "go to safe 1", "go to shelf 1"];
  const steps = [
    look(survey, [...walks, "inventory"]),
    look("You arrive at desk 1. On the desk 1, you see a pen 2.", walks),
    look("You arrive at safe 1. The safe 1 is closed.", [
      ...walks,
      "open safe 1",
    ]),
  ];
  const at = (t: number, subgoal: string, action: string) =>
    listHouseholdAlternatives(situationAt({ kind: "", steps }, t), {
      subgoal,
      action,
    });
  deepStrictEqual(at(0, "find a cd", "go to shelf 1"), walks);
  deepStrictEqual(at(1, "find a second cd", "go to shelf 1"), walks.slice(1));
  // Where a thing is known, or what to do, there is no search.
  deepStrictEqual(at(1, "find a cd", "go to desk 1"), ["go to desk 1"]);
  deepStrictEqual(at(1, "put the cd in the safe", "go to safe 1"), [
    "go to safe 1",
  ]);
  // A closed door at hand comes before other places.
  deepStrictEqual(at(2, "find a cd", "open safe 1"), ["open safe 1"]);
});

Deno.test("proposeHouseholdSubgoals() survives any text", () => {
  fc.assert(fc.property(
    fc.string(),
    fc.string(),
    fc.array(fc.string()),
    (task, text, admissibleActions) => {
      const observation = { text, admissibleActions, stateKey: "" };
      ok(proposeHouseholdSubgoals({ task, past: [], observation }).length > 0);
    },
  ));
});
