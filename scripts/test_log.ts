/**
 * Parses the output of `deno test`: counts, times and reasons of skipped tests.
 *
 * @module
 */

/** One test's time. */
export interface TestTime {
  /** Duration. */
  readonly seconds: number;
  /** Its name. */
  readonly name: string;
  /** Its file. */
  readonly file: string;
}

/** Result of a test run. */
export interface TestLog {
  /** Tests that passed. */
  readonly passed: number;
  /** Tests that failed. */
  readonly failed: number;
  /** Tests that were skipped. */
  readonly skipped: number;
  /** Tests that passed or failed, the slowest first. */
  readonly times: readonly TestTime[];
  /** Skipped tests by reason, the most frequent first. */
  readonly skips: readonly (readonly [reason: string, count: number])[];
}

const UNITS: Readonly<Record<string, number>> = {
  m: 60,
  s: 1,
  ms: 1e-3,
  µs: 1e-6,
};

/** Seconds of a duration as the reporter writes it: `1m3s`, `420ms`. */
function seconds(text: string): number {
  return [...text.matchAll(/(\d+)(ms|µs|m|s)/g)]
    .reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}

/**
 * Reads the log of `deno test --parallel`, printed without colors.
 *
 * A test with requirements names them at the end of its name, in brackets:
 * `… [needs a WebGPU adapter]`.
 *
 * @param output The log.
 * @returns Counts, times and skips; zeros where the run broke before counting.
 */
export function readTestLog(output: string): TestLog {
  const counts = output.match(
    /\| (\d+) passed.*?\| (\d+) failed(?:.*?\| (\d+) ignored)?/,
  );
  const times: TestTime[] = [];
  const skips = new Map<string, number>();
  for (
    const [, file = "", name, ending, duration] of output.matchAll(
      /^(?:(\S+) => )?(.+) \.\.\. (ok|FAILED|ignored) \((.+?)\)$/gm,
    )
  ) {
    if (ending === "ignored") {
      const reason = name!.match(/\[(needs [^[]+)\]$/)?.[1] ??
        `without a reason: ${name}`;
      skips.set(reason, (skips.get(reason) ?? 0) + 1);
    } else times.push({ seconds: seconds(duration!), name: name!, file });
  }
  return {
    passed: Number(counts?.[1] ?? 0),
    failed: Number(counts?.[2] ?? 0),
    skipped: Number(counts?.[3] ?? 0),
    times: times.toSorted((a, b) => b.seconds - a.seconds),
    skips: [...skips].toSorted(([, a], [, b]) => b - a),
  };
}

/**
 * The errors of a log.
 *
 * @param output The log.
 * @returns From the reporter's section of errors on; all of it if there is none.
 */
export function testErrors(output: string): string {
  const start = output.search(/^ ERRORS $/m);
  return start < 0 ? output : output.slice(start);
}
