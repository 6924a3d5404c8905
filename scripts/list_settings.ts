/**
 * The list of settings for a terminal of 80 columns.
 *
 * @module
 */

import type { Json, SettingDescription } from "../mod.ts";

const WIDTH = 80;

/** Most characters of a value. */
const LONGEST = 50;

/**
 * Formats the settings in force, or those that match words.
 *
 * @param settings Every setting.
 * @param words Search terms for paths, kinds and meanings, all of which must match. None lists the settings in force.
 * @returns Lines of at most 80 columns.
 */
export function listSettings(
  settings: readonly SettingDescription[],
  words: readonly string[],
): string {
  const shown = words.length === 0
    ? settings.filter(({ choice }) => choice === undefined)
    : settings.filter((one) => matches(one, words));
  if (shown.length === 0) {
    return `No setting has ${words.map((word) => `"${word}"`).join(" and ")}.`;
  }
  const blocks = withChoices(shown).map(formatSetting);
  const others = new Set(settings.flatMap(({ choice }) => choice ?? []));
  if (words.length === 0) {
    blocks.unshift(
      "Each setting as path=value, what it may be, and its default where it differs.",
    );
    blocks.push(
      [
        "Other choices have settings of their own. --settings with words searches in all;",
        "a choice made on the command line is listed as in force:",
        ...[...others].map((choice) => `  ${choice}`),
      ].join("\n"),
    );
  }
  return blocks.join("\n");
}

function matches(
  { path, kind, meaning, choice = "" }: SettingDescription,
  words: readonly string[],
): boolean {
  const text = `${path} ${kind} ${meaning} ${choice}`.toLowerCase();
  return words.every((word) => text.includes(word.toLowerCase()));
}

/** Merges equal settings of several choices into one entry. */
function withChoices(
  settings: readonly SettingDescription[],
): (SettingDescription & { readonly choices: readonly string[] })[] {
  const entries = new Map<
    string,
    SettingDescription & { choices: string[] }
  >();
  for (const setting of settings) {
    const { choice, ...rest } = setting;
    const key = JSON.stringify([rest, choice === undefined]);
    const entry = entries.get(key) ?? { ...rest, choices: [] };
    if (choice !== undefined) entry.choices.push(choice);
    entries.set(key, entry);
  }
  return [...entries.values()];
}

function formatSetting(
  setting: SettingDescription & { readonly choices: readonly string[] },
): string {
  const { path, kind, meaning, fallback, given, choices } = setting;
  const value = given === undefined ? fallback : typed(given);
  const head = value === undefined ? path : `${path}=${value}`;
  const usual = given === undefined
    ? fallback === undefined ? "absent" : "default"
    : fallback === undefined || fallback === value
    ? ""
    : `default ${fallback}`;
  const about = usual === "" ? kind : `${kind}; ${usual}`;
  const room = WIDTH - head.length - about.length;
  const lines = room >= 2
    ? [head + " ".repeat(room) + about]
    : [...wrap(head, 0), ...wrap(about, 4)];
  const where = choices.length > 0
    ? ` [${choices.length === 1 ? "with" : "each with"} ${choices.join(", ")}]`
    : "";
  return [...lines, ...wrap(`${meaning}${where}`.trim(), 4)].join("\n");
}

/** A value in command-line syntax, truncated. */
function typed(value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Breaks a text at spaces, and words that fill a line where the line ends. */
function wrap(text: string, indent: number): string[] {
  const width = WIDTH - indent, lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    for (const part of word.match(new RegExp(`.{1,${width}}`, "g")) ?? []) {
      if (line !== "" && line.length + 1 + part.length > width) {
        lines.push(line);
        line = "";
      }
      line += line === "" ? part : ` ${part}`;
    }
  }
  if (line !== "") lines.push(line);
  return lines.map((one) => " ".repeat(indent) + one);
}
