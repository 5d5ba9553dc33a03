// Writes ../assets/studio.js, the whole page in one module with its style sheet inside as a text, and ../assets/dagre.js, a library
// that the page fetches when it has something to lay out. `--check` only compares them.
import { readFile, writeFile } from "node:fs/promises";
import * as esbuild from "esbuild";

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

const SHARED = {
  absWorkingDir: new URL(".", import.meta.url).pathname,
  bundle: true,
  format: "esm",
  minify: true,
  write: false,
  target: ["chrome110", "firefox110", "safari16"],
  legalComments: "none",
};

async function page() {
  const result = await esbuild.build({
    ...SHARED,
    entryPoints: ["src/main.tsx"],
    outfile: "studio.js",
    jsx: "automatic",
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

/** What `src/canvas/dagre.ts` has of the library. */
async function dagre() {
  const result = await esbuild.build({
    ...SHARED,
    stdin: { contents: 'export { Graph, layout } from "@dagrejs/dagre"', resolveDir: SHARED.absWorkingDir },
  });
  return result.outputFiles[0].text;
}

const made = { "studio.js": await page(), "dagre.js": await dagre() };
for (const [name, text] of Object.entries(made)) {
  const file = new URL(`../assets/${name}`, import.meta.url);
  if (!process.argv.includes("--check")) {
    await writeFile(file, text);
    process.stdout.write(`${name}: ${Math.round(text.length / 1024)} kB\n`);
  } else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
    process.stderr.write(
      `covstudio/studio/assets/${name} is not what the sources give: run \`make frontend\` and commit it.\n`,
    );
    process.exitCode = 1;
  }
}
