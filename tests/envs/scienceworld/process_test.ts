/** Processes of the real simulator: how they end, what they refuse, how much they take. Skipped without Java or its files. */

import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { findScienceworld } from "../../../lib/envs/scienceworld/files.ts";
import {
  javaArguments,
  startJava,
} from "../../../lib/envs/scienceworld/java.ts";
import {
  loadTask,
  takeAction,
} from "../../../lib/envs/scienceworld/simulator.ts";
import { ALL, MISSING, realPool, realTest } from "./_machine.ts";

Deno.test({
  name: `20 episodes at once stay within 6 GB${
    ALL ? "" : " [needs HIPER_LONG=1: deno task test-scienceworld]"
  }`,
  ignore: !ALL || MISSING !== undefined,
  fn: async () => {
    await using pool = await realPool();
    const machines = await Promise.all(
      Array.from({ length: 20 }, () => pool.take()),
    );
    await rejects(pool.take(), /current number is 20/);
    let kilobytes = 0;
    for (const [i, machine] of machines.entries()) {
      await loadTask(machine, {
        ...{ task: "boil", variation: i, simplifications: "easy", gold: false },
      });
      await takeAction(machine, "wait1");
      const { stdout } = await new Deno.Command("ps", {
        args: ["-o", "rss=", "-p", String(machine.pid)],
      }).output();
      kilobytes += Number(new TextDecoder().decode(stdout));
    }
    ok(
      kilobytes > 2 ** 20 && kilobytes < 6 * 2 ** 20,
      `${kilobytes / 2 ** 20} GiB`,
    );
    console.log(`20 machines take ${(kilobytes / 2 ** 20).toFixed(2)} GiB`);
    for (const machine of machines) await pool.give(machine);
  },
});

/** Whether a process lives, and is no zombie. */
async function lives(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=", "-p", String(pid)],
  }).output();
  return /^[^Z\s]/.test(new TextDecoder().decode(stdout));
}

realTest(
  "a fresh machine has not played, and takes the place of an idle one",
  async () => {
    await using pool = await realPool();
    const [a, b] = [await pool.take(), await pool.take()];
    await pool.give(a);
    await pool.give(b);
    const fresh = await pool.take({ fresh: true });
    ok(![a.pid, b.pid].includes(fresh.pid));
    deepStrictEqual([await lives(a.pid), await lives(b.pid)], [true, false]);
    strictEqual((await pool.take()).pid, a.pid);
    for (const machine of [fresh, a]) await pool.give(machine);
  },
);

realTest(
  "a machine ends when it is told to, and when its Deno is killed",
  async () => {
    const machine = await startJava(await findScienceworld());
    ok(await lives(machine.pid));
    await machine.end();
    ok(!await lives(machine.pid));

    const code = `
    import { findScienceworld } from "${new URL(
      "../../../lib/envs/scienceworld/files.ts",
      import.meta.url,
    )}";
    import { startJava } from "${new URL(
      "../../../lib/envs/scienceworld/java.ts",
      import.meta.url,
    )}";
    const { pid } = await startJava(await findScienceworld());
    console.log(pid);
    setInterval(() => {}, 1000);`;
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(script, code);
      const deno = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-check", "--allow-read", "--allow-env"],
          ...["--allow-run=java", "--allow-net=127.0.0.1", script],
        ],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const reader = deno.stdout.getReader();
      const { value } = await reader.read();
      const pid = Number(new TextDecoder().decode(value));
      ok(await lives(pid));
      deno.kill("SIGKILL");
      await deno.status;
      await reader.cancel();
      for (let i = 0; i < 100 && await lives(pid); i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      ok(!await lives(pid), "a Java machine outlived its Deno");
    } finally {
      await Deno.remove(script);
    }
  },
);

realTest("the gateway refuses a connection without its secret", async () => {
  const machine = await startJava(await findScienceworld());
  try {
    using intruder = await Deno.connect({
      hostname: "127.0.0.1",
      port: machine.port,
    });
    await intruder.write(
      new TextEncoder().encode("c\nz:java.lang.System\nexit\ni1\ne\n"),
    );
    const answer = new Uint8Array(1000);
    const length = await intruder.read(answer) ?? 0;
    const text = new TextDecoder().decode(answer.subarray(0, length));
    ok(!text.startsWith("!y"), text);
    ok(await lives(machine.pid));
  } finally {
    await machine.end();
  }
});

realTest("another simulator than the release is refused", async () => {
  const files = await findScienceworld();
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(
      `${files.folder}/object_type_ids.tsv`,
      `${folder}/object_type_ids.tsv`,
    );
    await Deno.writeTextFile(`${folder}/scienceworld.jar`, "another one");
    await rejects(
      findScienceworld(folder),
      /SHA-256 of .*scienceworld.jar must be f4e1fdce.*: current value is/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

realTest("a rejected flag of Java is reported in Java's words", async () => {
  const files = await findScienceworld();
  ok(javaArguments(files, 256).includes("-XX:hashCode=2"));
  await rejects(
    startJava(files, { heap: 1e9 }),
    /its Java must run: .*it wrote: .*heap/s,
  );
});
