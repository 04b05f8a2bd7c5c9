import { expect, it } from "vitest";
import { databaseUrl } from "../../cli/database.ts";

it.each([
  [["postgres://u:p%40ss", "db.example.test:5432/postgres"].join("@"), "?sslmode=prefer"],
  ["postgres://u@db.example.test/postgres?sslmode=require", ""],
  ["postgres://u@db.example.test/postgres?sslmode=disable", ""],
  ["postgres://u@127.0.0.1:54322/postgres", ""],
  ["postgresql://u@localhost/postgres", ""],
  ["postgres://u@[::1]:54322/postgres", ""],
])("%s is called with the addition '%s'", (url, addition) => {
  const context = { env: { DATABASE_URL: url }, version: "", now: () => new Date() };
  expect(databaseUrl({ ...context, out: () => {}, err: () => {} })).toBe(`${url}${addition}`);
});
