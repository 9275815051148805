// How the dashboard is built: hashed names, nothing inline, the licences of what is in it beside it,
// and each text file also compressed, since the program embeds the files as they are and compresses
// nothing while it serves.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const COMPRESSIBLE = /\.(js|css|html|svg|md|txt)$/;
const API = process.env["LINKLOGGER_API"] ?? "http://127.0.0.1:8080";

function compressed(): Plugin {
  let folder = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !COMPRESSIBLE.test(entry.name)) continue;
        const content = readFileSync(file);
        writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
        writeFileSync(`${file}.br`, brotliCompressSync(content, { params }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    target: ["chrome125", "firefox128", "safari17.5"],
    // The content policy allows no data: fonts, scripts or styles.
    assetsInlineLimit: 0,
    license: { fileName: "licences.md" },
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { "/graphql": { target: API, ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
