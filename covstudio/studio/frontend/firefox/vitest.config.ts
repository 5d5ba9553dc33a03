// The story in Firefox: one step after another, in one page. A step that fails is the last.
import { defineConfig } from "vitest/config";

const PATIENCE = 300_000; // a machine that builds other things at the same time may be slow

export default defineConfig({
  test: { include: ["firefox/*.test.ts"], bail: 1, testTimeout: PATIENCE, hookTimeout: PATIENCE },
});
