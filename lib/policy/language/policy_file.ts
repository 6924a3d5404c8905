/**
 * What a language policy is beside its weights and its tokenizer, as a file of its folder: without the offset of
 * KEEP that it was trained with, an adapter would plan otherwise.
 *
 * @module
 */

import { z } from "npm:zod@4.6.7";
import { readSettings } from "../../settings.ts";
import { readJsonObject } from "../../text_file.ts";

/** Name of the file in a policy's or an adapter's folder; programs for weights alone pass it over. */
export const POLICY_FILE = "hiper_policy.json";

/** What is kept beside the weights. */
export interface KeptSettings {
  /** Added to the logit of KEEP wherever a reply may keep or switch. */
  readonly keepOffset: number;
}

const schema = z.strictObject({
  format: z.literal("hiper-lab-policy"),
  version: z.literal(1),
  keepOffset: z.number(),
});

/** Writes the file into a folder. */
export async function writePolicyFile(
  directory: string,
  { keepOffset }: KeptSettings,
): Promise<void> {
  const file: z.infer<typeof schema> = {
    format: "hiper-lab-policy",
    version: 1,
    keepOffset,
  };
  await Deno.writeTextFile(
    `${directory}/${POLICY_FILE}`,
    `${JSON.stringify(file, null, 2)}\n`,
  );
}

/**
 * Reads the file of a folder.
 *
 * @returns What it says; absent where the folder has none, as folders of other programs.
 * @throws {SyntaxError} If it is no JSON.
 * @throws {TypeError} If a setting is unknown, absent or of another kind; the message names file and setting.
 */
export async function readPolicyFile(
  directory: string,
): Promise<KeptSettings | undefined> {
  const path = `${directory}/${POLICY_FILE}`;
  let settings: Record<string, unknown>;
  try {
    settings = await readJsonObject(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { keepOffset } = readSettings(schema, settings, `read "${path}"`);
  return { keepOffset };
}
