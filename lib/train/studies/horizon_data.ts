/**
 * A horizon study in one small file: what its summary needs of every run.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { readSettings } from "../../settings.ts";
import { readJson } from "../../text_file.ts";
import {
  HORIZON_STUDY,
  type HorizonRecord,
  type HorizonStudy,
} from "./horizon_study.ts";

const RUN = z.strictObject({
  phase: z.enum(["tuning", "reported"]),
  horizon: z.string(),
  method: z.string(),
  point: z.record(z.string(), z.json()),
  seed: z.int(),
  success: z.array(z.number()).describe("Of each iteration's episodes"),
  segment: z.array(z.number()).describe("Turns that a subgoal is held"),
  panel: z.string().describe("1 for each success on the panel, else 0"),
  turns: z.array(z.int()).describe("Turns of each episode on the panel"),
});

const DATA = z.strictObject({ study: HORIZON_STUDY, runs: z.array(RUN) });

/** What a summary needs of a run. */
export type HorizonResult = Omit<HorizonRecord, "settings" | "seconds">;

/** Packs what a summary needs of one run as a line of JSON. */
export function packRun({ curve, panel, ...run }: HorizonResult): string {
  const { phase, horizon, method, point, seed } = run;
  return JSON.stringify({
    ...{ phase, horizon, method, point, seed },
    success: curve.map(({ success_rate }) => +success_rate!.toFixed(5)),
    segment: curve.map(({ segment_length }) => +segment_length!.toFixed(3)),
    panel: panel.map(({ success }) => Number(success)).join(""),
    turns: panel.map(({ turns }) => turns),
  });
}

/** Packs the runs of a study, one a line. */
export function packHorizons(
  study: HorizonStudy,
  records: readonly HorizonResult[],
): string {
  return `{"study": ${JSON.stringify(study)},\n"runs": [\n${
    records.map(packRun).join(",\n")
  }\n]}\n`;
}

/**
 * Reads a line that {@linkcode packRun} made.
 *
 * @param name Of the file and line, for messages.
 * @throws {TypeError} If it holds something else.
 */
export function unpackRun(run: unknown, name: string): HorizonResult {
  const { success, segment, panel, turns, ...rest } = readSettings(
    RUN,
    run,
    `read a run in "${name}"`,
  );
  return {
    ...rest,
    curve: success.map((success_rate, i) => ({
      success_rate,
      segment_length: segment[i]!,
    })),
    panel: [...panel].map((digit, i) => ({
      id: `panel/${i}`,
      success: digit === "1",
      score: Number(digit),
      turns: turns[i]!,
    })),
  };
}

/**
 * Reads a file that {@linkcode packHorizons} made.
 *
 * @throws {TypeError} If it holds something else; the message names file, key and value.
 */
export async function readHorizons(
  path: string,
): Promise<{ study: HorizonStudy; records: HorizonResult[] }> {
  const { study, runs } = readSettings(
    DATA,
    await readJson(path),
    `read the study in "${path}"`,
  );
  return { study, records: runs.map((run) => unpackRun(run, path)) };
}
