import { expect, test } from "vitest";
import { when } from "./when";

test("today is said so, another day by its date", () => {
  const now = new Date(2026, 10, 30, 14, 5).getTime();
  expect(when(now, now)).toMatch(/^today at /);
  expect(when(now - 86_400_000, now)).not.toMatch(/today/);
});
