// The licences of everything that is bundled, in one file beside the bundle: most ask to be given along with it. Vite's
// own `build.license` knows neither what is bundled into workers alone nor what packages have bundled themselves
// (Monaco's ThirdPartyNotices.txt).
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER_OF_MODULE = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const NOTICE = /^(licen[cs]e|copying|notice|third-?party-?notices)/i;

/** Vite plugins that write `fileName`: `page` for the build itself, `workers` for the builds of its workers. */
export function notices(fileName) {
  const folders = new Set();
  const collect = (bundle) => {
    for (const output of Object.values(bundle)) {
      for (const module of output.moduleIds ?? []) {
        const folder = FOLDER_OF_MODULE.exec(module.replaceAll("\\", "/"))?.[1];
        if (folder) folders.add(folder);
      }
    }
  };
  return {
    workers: { name: "notices-of-workers", generateBundle: (_, bundle) => collect(bundle) },
    page: {
      name: "notices",
      generateBundle(_, bundle) {
        collect(bundle);
        const packages = [...folders].map(packageIn).sort((a, b) => (a.title < b.title ? -1 : 1));
        this.emitFile({ type: "asset", fileName, source: packages.map(section).join("\n") });
      },
    },
  };
}

function packageIn(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (typeof license !== "string") throw new Error(`${name} ${version} names no licence; may it be given along?`);
  const files = readdirSync(folder).filter((file) => NOTICE.test(file)).sort();
  return { title: `${name} ${version} (${license})`, texts: files.map((file) => readFileSync(join(folder, file), "utf8")) };
}

function section({ title, texts }) {
  const line = "=".repeat(title.length);
  return [line, title, line, "", ...texts.map((text) => `${text.trim()}\n`)].join("\n");
}
