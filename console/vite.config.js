import { defineConfig } from "vite";

import { notices } from "./notices.js";

// Where the built console goes: package data of `gql`, which serves index.html at /graphql and the rest at
// /graphql/assets/. Git ignores it; `make install` builds it.
const served = "../gql/console";
const licences = notices("licences.txt");

export default defineConfig({
  plugins: [licences.page],
  worker: { plugins: () => [licences.workers] },
  build: {
    outDir: served,
    emptyOutDir: true,
    assetsDir: "assets",
    // Nothing inlined as data: the server's Content-Security-Policy allows scripts and workers from itself alone.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Monaco is one large chunk by nature.
    chunkSizeWarningLimit: 5000,
    // "use client" in the packages speaks to React's server renderer; there is none here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  experimental: {
    // The document is at `…/graphql`, without a slash at its end, so what it refers to is relative to the folder
    // above; files refer to one another by their own place. Both hold behind any path prefix.
    renderBuiltUrl: (filename, { hostType }) => (hostType === "html" ? `graphql/${filename}` : { relative: true }),
  },
});
