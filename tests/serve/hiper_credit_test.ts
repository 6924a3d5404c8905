/** The Python file of the credit service, with the standard library alone. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { serveCredit } from "../../lib/serve/credit/server.ts";

const PROGRAM = `
import json, sys
sys.path.insert(0, "scripts/python")
from hiper_credit import CreditError, hae_advantages, spread, spread_segments
url = sys.argv[1]
turns = [{"reward": 0.0, "subgoal": "a"}, {"reward": 1.0, "subgoal": "a"}]
credit = hae_advantages([{"id": "e", "turns": turns}], url=url, token="sesame", gamma=0.5, normalize="none")
numbers = credit["episodes"][0]["advantages"]
try:
    hae_advantages([{"id": "e", "turns": [{"reward": None}]}], url=url, token="sesame")
    place = None
except CreditError as error:
    place = error.place
try:
    hae_advantages([{"id": "e", "turns": [{"reward": float("nan")}]}], url=url)
    nan = "sent"
except ValueError:
    nan = "refused"
segments = [{"segments": [{"role": "plan", "start": 0, "end": 1}, {"role": "execute", "start": 1, "end": 2}]}]
print(json.dumps({
    "numbers": numbers,
    "tokens": spread([1, 1, 0, 0, 1, 0, 1], numbers),
    "segments": spread_segments([0, 1, 1, 0], segments, [[3.0, 4.0]]),
    "place": place,
    "nan": nan,
}))
`;

const python = await new Deno.Command("python3", { args: ["--version"] })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name: "hiper_credit.py asks, spreads over tokens, and names what is wrong",
  ignore: !python, // there is no python3
  fn: async () => {
    await using server = serveCredit({ port: 0, token: "sesame" });
    const { code, stdout, stderr } = await new Deno.Command("python3", {
      args: ["-c", PROGRAM, server.url],
      cwd: new URL("../../", import.meta.url),
      env: { PYTHONDONTWRITEBYTECODE: "1" },
    }).output();
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    deepStrictEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      numbers: [0.5, 1],
      tokens: [0.5, 0.5, 0, 0, 1, 0, 0],
      segments: [0, 3, 4, 0],
      place: "episodes[0].turns[0].reward",
      nan: "refused",
    });
  },
});
