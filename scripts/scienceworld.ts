/**
 * Fetches ScienceWorld's simulator into a data folder, and says what else is needed.
 *
 * ```sh
 * deno task scienceworld                    # into data/scienceworld, with pip
 * deno task scienceworld --wheels <folder>  # from wheels that are there; no Python, no network
 * ```
 *
 * @module
 */

import { Command } from "commander";
import { unzipSync } from "fflate";
import { findScienceworld, scienceworldFolder } from "../mod/scienceworld.ts";
import { explain } from "./explain.ts";
import { attempt } from "./python.ts";
import { fetchWheel, writeWhole } from "./wheel.ts";

const { wheels } = new Command("scienceworld")
  .description("Fetch ScienceWorld 1.2.3 (Apache-2.0) and py4j 0.10.9.9 (BSD)")
  .option("--wheels <folder>", "folder with both wheels, instead of pip")
  .parse(Deno.args, { from: "user" })
  .opts<{ wheels?: string }>();

const folder = await scienceworldFolder();

/** Each wheel, and which of its files goes where. */
const PARTS = [
  {
    name: "scienceworld",
    version: "1.2.3",
    sha256: "e9737b9d099bfaad90ef053ad6ac1d795e2063ed320efdfc0e9d9c8b5bebf419",
    files: {
      "scienceworld/scienceworld.jar": "scienceworld.jar",
      "scienceworld/object_type_ids.tsv": "object_type_ids.tsv",
      "scienceworld-1.2.3.dist-info/licenses/LICENSE": "LICENSE",
    },
  },
  {
    name: "py4j",
    version: "0.10.9.9",
    sha256: "c7c26e4158defb37b0bb124933163641a2ff6e3a3913f7811b0ddbe07ed61533",
    files: {
      "py4j-0.10.9.9.data/data/share/py4j/py4j0.10.9.9.jar": "py4j0.10.9.9.jar",
      "py4j-0.10.9.9.dist-info/LICENSE.txt": "LICENSE.py4j",
    },
  },
] as const;

try {
  for (const { files, ...wheel } of PARTS) {
    const purpose = "fetch ScienceWorld";
    const held = unzipSync(
      await fetchWheel(wheel, { purpose, folder, wheels }),
    );
    for (const [path, name] of Object.entries(files)) {
      const bytes = held[path];
      if (bytes === undefined) {
        throw new Error(
          `Cannot ${purpose} as the wheel of ${wheel.name} must hold ${path}: it is missing`,
        );
      }
      await writeWhole(`${folder}/${name}`, bytes);
    }
  }
  await findScienceworld(folder);
} catch (error) {
  console.error(explain(error));
  Deno.exit(1);
}

const java = await attempt("java", ["-version"]);
console.log(
  `ScienceWorld 1.2.3 is in ${folder}, checked.${
    java
      ? ""
      : "\nJava 17 or later is missing; on Debian: apt-get install default-jre-headless"
  }
Play it:

  deno task play scienceworld --set task=boil --set hints=true`,
);
