// Writes ../assets/studio.js: the whole page in one module, its style sheet inside as a text. `--check` only compares it.
import { readFile, writeFile } from "node:fs/promises";
import * as esbuild from "esbuild";

const OUT = new URL("../assets/studio.js", import.meta.url);
const STYLES = '"%STYLES%"';

/** The page is in English: of the words that React Aria has in 34 languages only those go into the bundle. */
const english = {
  name: "english",
  setup: (build) =>
    build.onResolve({ filter: /\/[a-z]{2}-[A-Z]{2}\.m?js$/ }, ({ path, importer, kind, resolveDir }) =>
      importer.includes("react-aria") && !path.includes("en-US")
        ? build.resolve(path.replace(/[a-z]{2}-[A-Z]{2}(?=\.m?js$)/, "en-US"), { importer, kind, resolveDir })
        : undefined,
    ),
};

export async function bundle() {
  const result = await esbuild.build({
    absWorkingDir: new URL(".", import.meta.url).pathname,
    entryPoints: ["src/main.tsx"],
    outfile: "studio.js",
    bundle: true,
    format: "esm",
    minify: true,
    write: false,
    jsx: "automatic",
    target: ["chrome110", "firefox110", "safari16"],
    legalComments: "none",
    plugins: [english],
    loader: { ".svg": "text" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const text = (ending) => result.outputFiles.find((file) => file.path.endsWith(ending)).text;
  const script = text(".js");
  const parts = script.split(STYLES);
  if (parts.length !== 2)
    throw new Error(`expected one place for the style sheet in the bundle, found ${parts.length - 1}`);
  return parts.join(JSON.stringify(text(".css")));
}

const made = await bundle();
if (process.argv.includes("--check")) {
  if ((await readFile(OUT, "utf8").catch(() => "")) !== made) {
    process.stderr.write(
      "covstudio/studio/assets/studio.js is not what the sources give: run `make frontend` and commit it.\n",
    );
    process.exit(1);
  }
} else {
  await writeFile(OUT, made);
  process.stdout.write(`studio.js: ${Math.round(made.length / 1024)} kB\n`);
}
