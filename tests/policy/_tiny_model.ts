/**
 * A model of a few thousand drawn numbers in the form of Hugging Face, for tests that name a model's folder.
 *
 * @module
 */

import { createLanguagePolicy } from "../../lib/policy/language/loading.ts";
import { createWordTokenizer } from "../../lib/policy/language/word_tokenizer.ts";

const TAGS = ["switch", "subgoal", "action"].flatMap((
  name,
) => [`<${name}>`, `</${name}>`]);

const WORDS =
  "leave the corridor by the end that the sign names You stand before a sign that says left right KEEP SWITCH go wait look around Task Now Subgoal none Choose a subgoal an action user system assistant A wall stands to";

/** Writes the model into a new folder. Needs an active backend. Returns the folder. */
export async function writeTinyModel(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "tiny-model-" });
  const policy = createLanguagePolicy({
    seed: 11,
    tokenizer: createWordTokenizer([WORDS], {
      wholes: [...TAGS, "KEEP", "SWITCH"],
    }),
    size: {
      hiddenSize: 16,
      intermediateSize: 24,
      layers: 2,
      heads: 2,
      kvHeads: 1,
      maxLength: 2048,
    },
  });
  await policy.save(folder);
  policy.dispose();
  return folder;
}
