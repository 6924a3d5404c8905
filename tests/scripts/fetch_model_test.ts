import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { findModel } from "../../lib/policy/decoder/model_path.ts";
import { disposeQwen2, loadQwen2 } from "../../lib/policy/decoder/qwen2.ts";
import { selectBackend } from "../../lib/policy/backends/select.ts";

/** A model of few bytes. */
const FOLDER = new URL("../vectors/decoders/llama/", import.meta.url).pathname;
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const ROOT = new URL("../../", import.meta.url).pathname;

/** A hub on this machine that speaks the protocol: descriptions, listings, files in ranges, a store elsewhere. */
async function openHub(
  options: { spoil?: string; cutAfter?: number; secret?: boolean } = {},
) {
  const names = ["config.json", "model.safetensors", "pytorch_model.bin"];
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of names) {
    const bytes = name.endsWith(".bin")
      ? new TextEncoder().encode("pickled")
      : await Deno.readFile(`${FOLDER}${name}`);
    contents.set(name, bytes);
  }
  const asked: { path: string; range: string | null; token: string | null }[] =
    [];
  const digest = (name: string, bytes: Uint8Array) =>
    name.endsWith(".json")
      ? createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes)
        .digest("hex")
      : createHash("sha256").update(bytes).digest("hex");
  const hasLfs = (name: string) => !name.endsWith(".json");
  const answer = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    const token = request.headers.get("authorization");
    if (options.secret && token !== "Bearer hf_mine") {
      return Response.json({ error: "Invalid username or password." }, {
        status: 401,
      });
    }
    if (pathname === "/api/models/me/tiny/revision/main") {
      return Response.json({
        _id: "1",
        id: "me/tiny",
        modelId: "me/tiny",
        sha: COMMIT,
      });
    }
    if (pathname === `/api/models/me/tiny/tree/${COMMIT}`) {
      return Response.json([...contents].map(([path, bytes]) => ({
        type: "file",
        path,
        size: bytes.length,
        oid: hasLfs(path) ? "f".repeat(40) : digest(path, bytes),
        ...(hasLfs(path) && {
          lfs: {
            oid: digest(path, bytes),
            size: bytes.length,
            pointerSize: 130,
          },
        }),
      })));
    }
    const [, place, name] =
      /^\/(me\/tiny\/resolve\/\w+|store)\/(.+)$/.exec(pathname) ?? [];
    const bytes = name === undefined ? undefined : contents.get(name);
    if (!bytes || name === undefined) {
      return Response.json({ error: "Repository not found" }, { status: 404 });
    }
    if (place !== "store" && hasLfs(name)) {
      return Response.redirect(new URL(`/store/${name}`, request.url), 302);
    }
    const range = request.headers.get("range");
    asked.push({ path: name, range, token });
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const sent = bytes.slice(from, options.cutAfter);
    if (options.spoil === name) sent[0]! ^= 1;
    return new Response(sent, { status: range ? 206 : 200 });
  };
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: () => {},
  }, answer);
  return {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs the task as users do, with a cache and a hub of its own. */
async function fetchModel(
  name: string,
  environment: { HF_HOME: string; HF_ENDPOINT: string; HF_TOKEN?: string },
) {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const [, ...words] = tasks.model.command.split(" ");
  const { HOME = "", PATH = "", DENO_DIR } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...words, name],
    cwd: ROOT,
    clearEnv: true,
    env: {
      HOME,
      PATH,
      NO_COLOR: "1",
      ...(DENO_DIR && { DENO_DIR }),
      ...environment,
    },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), error: text(stderr) };
}

Deno.test("deno task model fetches a model into the cache, continues what was cut, and checks it", async () => {
  const HF_HOME = await Deno.makeTempDir();
  const folder = `${HF_HOME}/hub/models--me--tiny`;
  const size = (await Deno.stat(`${FOLDER}model.safetensors`)).size;
  {
    await using hub = await openHub({ cutAfter: 9000 });
    const { code, error } = await fetchModel("me/tiny", {
      HF_HOME,
      HF_ENDPOINT: hub.endpoint,
    });
    strictEqual(code, 1, error);
    match(error, /model\.safetensors" as it must have \d+ bytes: 9000 came/);
  }
  {
    await using hub = await openHub();
    const { code, out, error } = await fetchModel("me/tiny", {
      HF_HOME,
      HF_ENDPOINT: hub.endpoint,
    });
    strictEqual(code, 0, error);
    match(out, /me\/tiny at 0123456789ab: 2 files/);
    deepStrictEqual(hub.asked, [
      { path: "model.safetensors", range: "bytes=9000-", token: null },
    ]);
  }
  strictEqual(await Deno.readTextFile(`${folder}/refs/main`), COMMIT);
  const snapshot = `${folder}/snapshots/${COMMIT}`;
  strictEqual((await Deno.stat(`${snapshot}/model.safetensors`)).size, size);
  deepStrictEqual(
    await Deno.readFile(`${snapshot}/model.safetensors`),
    await Deno.readFile(`${FOLDER}model.safetensors`),
  );
  {
    await using hub = await openHub(); // nothing is fetched twice
    const { code } = await fetchModel("me/tiny", {
      HF_HOME,
      HF_ENDPOINT: hub.endpoint,
    });
    deepStrictEqual([code, hub.asked], [0, []]);
  }
  const before = Deno.env.get("HF_HOME");
  Deno.env.set("HF_HOME", HF_HOME);
  try {
    strictEqual(await findModel("me/tiny"), snapshot);
    await selectBackend("wasm");
    disposeQwen2(await loadQwen2("me/tiny"));
    const missing = await findModel("me/other").catch((error) => error.message);
    match(
      missing,
      /if it is a name on the hub, "deno task model me\/other" fetches it/,
    );
  } finally {
    if (before === undefined) Deno.env.delete("HF_HOME");
    else Deno.env.set("HF_HOME", before);
  }
  await Deno.remove(HF_HOME, { recursive: true });
});

Deno.test("deno task model removes what has another digest, and says what a hub refuses", async () => {
  const HF_HOME = await Deno.makeTempDir();
  {
    await using hub = await openHub({ spoil: "model.safetensors" });
    const { code, error } = await fetchModel("me/tiny", {
      HF_HOME,
      HF_ENDPOINT: hub.endpoint,
    });
    strictEqual(code, 1);
    match(
      error,
      /must have the digest [0-9a-f]{64}: current value is [0-9a-f]{64}/,
    );
    const left = [...Deno.readDirSync(`${HF_HOME}/hub/models--me--tiny/blobs`)];
    ok(left.every(({ name }) => !name.endsWith(".incomplete")));
  }
  {
    await using hub = await openHub({ secret: true });
    const environment = { HF_HOME, HF_ENDPOINT: hub.endpoint };
    const { error } = await fetchModel("me/tiny", environment);
    match(error, /"HF_TOKEN" must be set: Invalid username or password/);
    const { code } = await fetchModel("me/tiny", {
      ...environment,
      HF_TOKEN: "hf_mine",
    });
    strictEqual(code, 0);
    ok(hub.asked.every(({ token }) => token === "Bearer hf_mine"));
  }
  {
    await using hub = await openHub();
    const environment = { HF_HOME, HF_ENDPOINT: hub.endpoint };
    match(
      (await fetchModel("me/none", environment)).error,
      /must have "me\/none" at "main".*not found/,
    );
    match(
      (await fetchModel("me/tiny/a.gguf", environment)).error,
      /must have the file "a\.gguf": it has config\.json/,
    );
    match(
      (await fetchModel("tiny", environment)).error,
      /must be "owner\/name": current value is "tiny"/,
    );
  }
  await Deno.remove(HF_HOME, { recursive: true });
});
