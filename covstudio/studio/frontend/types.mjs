// Writes src/session/messages.ts from the schema of every message, which tools/frontend_messages.py writes from Python.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const at = (name) => new URL(`src/session/${name}`, import.meta.url);
const schema = JSON.parse(await readFile(at("messages.schema.json"), "utf8"));
const text = await compile(schema, "Wires", {
  additionalProperties: false,
  bannerComment: "// Made by `make frontend` from the messages declared in Python. Do not edit.",
  format: true,
  style: { printWidth: 110 },
});
await writeFile(at("messages.ts"), text);
