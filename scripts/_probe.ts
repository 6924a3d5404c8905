import { assembleTraining, defineConfig, PRESETS, parseSettings } from "../mod.ts";
const [model, ckpt, ...rest] = Deno.args;
const config = defineConfig(PRESETS["corridor-model"], { policy: { directory: model!, switchBias: null as never, temperatures: null as never } } as never, parseSettings(rest) as never);
await using training = await assembleTraining(config);
if (ckpt !== "-") await training.load(ckpt!);
const policy = training.policy as any;
const S = ["leave by the left end", "leave by the right end", "look around"];
const obs = (text: string, acts: string[]) => ({ text, admissibleActions: acts, stateKey: text });
const W = "You stand in a corridor.";
const seen = [
  obs("You stand before a sign that says: leave by the left end.", ["wait", "go left", "go right"]),
  obs("You stand before a sign that says: leave by the right end.", ["wait", "go left", "go right"]),
  obs(W, ["wait", "go left", "go right"]),
  obs(W + " A wall stands to the left.", ["wait", "go right"]),
  obs(W + " A wall stands to the right.", ["wait", "go left"]),
];
const task = "leave the corridor by the end that the sign names";
async function lp(o: any, held: string | undefined, decs: any[]) {
  const n = decs.length;
  using s = policy.open(Array.from({ length: n }, () => ({ task })));
  const rows = decs.map((_: any, i: number) => i);
  if (held) await s.encode(rows, rows.map(() => seen[0]), rows.map(() => ({ switched: true, subgoal: held, action: "wait", valid: true, trace: { kind: "untrainable" } })), { score: false });
  return await s.encode(rows, rows.map(() => o), decs.map((d) => ({ valid: true, trace: { kind: "untrainable" }, ...d })), { score: true });
}
const sum = (t: any, name: string) => { const sp = t.spans[name]; if (!sp) return NaN; let x = 0; for (let i = sp.start; i < sp.end; i++) x += t.logProbs[i]; return Math.exp(x); };
for (const o of seen.slice(0, 2)) {
  const r = await lp(o, undefined, S.map((subgoal) => ({ switched: true, subgoal, action: o.admissibleActions[0] })));
  console.log("PLAN first", o.text.slice(-22), r.map((d: any, i: number) => `${S[i]!.slice(-9)} ${sum(d.trace, "planning").toFixed(3)}`).join(" | "), "V", r[0].values.planning.toFixed(2));
}
for (const held of S) for (const o of seen) {
  const r = await lp(o, held, [{ switched: false, subgoal: held, action: o.admissibleActions[0] }, ...S.filter((s) => s !== held).map((subgoal) => ({ switched: true, subgoal, action: o.admissibleActions[0] }))]);
  console.log("SWITCH held", held.slice(-9), "|", o.text.slice(-22), "keep", sum(r[0].trace, "switching").toFixed(4), r.slice(1).map((d: any) => `${d.subgoal.slice(-9)} ${sum(d.trace, "planning").toFixed(3)}`).join(" | "));
}
for (const held of S) for (const o of seen) {
  const r = await lp(o, held, o.admissibleActions.map((action: string) => ({ switched: false, subgoal: held, action })));
  console.log("ACT under", held.slice(-9), "|", o.text.slice(-22), r.map((d: any) => `${d.action} ${sum(d.trace, "execution").toFixed(3)}`).join(" | "), "V", r[0].values.execution.toFixed(2));
}
