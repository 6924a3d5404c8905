import { writeTinyModel } from "../tests/policy/_tiny_model.ts";
import { selectBackend } from "../mod.ts";
await selectBackend("wasm");
console.log(await writeTinyModel());
