import { expect, test } from "vitest";
import { atHost } from "./theme";

test("tokens of the document become tokens of the host", () => {
  expect(atHost(':root{--a:1}:root[data-cs-theme="dark"]{--a:2}.x{color:red}')).toBe(
    ':host{--a:1}:host([data-cs-theme="dark"]){--a:2}.x{color:red}',
  );
});
