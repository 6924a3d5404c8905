/**
 * Where the real games are, on machines that have them.
 *
 * @module
 */

/** Why a test that needs real games is ignored. */
export const NO_ALFWORLD =
  "needs ALFWorld's games: set ALFWORLD_DATA to the folder that holds json_2.1.1";

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

const SHARED = new URL("../../../../shared/data", import.meta.url).pathname;

/** Folder with real games and reference traces; undefined where there is none. */
export function samplesFolder(): string | undefined {
  const candidates = [Deno.env.get("ALFWORLD_DATA"), SHARED]
    .filter((path) => path !== undefined).map((path) => `${path}/tw_samples`);
  return candidates.find(isFolder);
}

/** Folder with the dataset's splits, to be unpacked if only the archive is there. */
export function datasetFolder(): string | undefined {
  const named = Deno.env.get("ALFWORLD_DATA");
  if (named === undefined) return undefined;
  return [`${named}/json_2.1.1`, named].find((path) =>
    isFolder(`${path}/valid_seen`)
  );
}

/** Archive of real games, where the folder itself is not there. */
export function datasetArchive(): string | undefined {
  const path = `${SHARED}/alfworld_games.tar.xz`;
  try {
    return Deno.statSync(path).isFile ? path : undefined;
  } catch {
    return undefined;
  }
}
