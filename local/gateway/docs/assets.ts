import { createRequire } from "node:module";

/** A file that the page of the API reference loads. */
export interface Asset {
  file(): string | URL;
  type: string;
}

const script = "text/javascript; charset=utf-8";
const style = "text/css; charset=utf-8";

const require = createRequire(import.meta.url);
const swagger = (name: string) => () => require.resolve(`swagger-ui-dist/${name}`);
const own = (name: string) => () => new URL(name, import.meta.url);

/** By the name below /docs/. */
export const assets: ReadonlyMap<string, Asset> = new Map([
  ["swagger-ui.css", { file: swagger("swagger-ui.css"), type: style }],
  ["swagger-ui-bundle.js", { file: swagger("swagger-ui-bundle.js"), type: script }],
  ["favicon-32x32.png", { file: swagger("favicon-32x32.png"), type: "image/png" }],
  ["docs-page.css", { file: own("docs-page.css"), type: style }],
  ["docs-page.mjs", { file: own("docs-page.mjs"), type: script }],
  ["openapi.json", {
    file: own("../../../docs/openapi.json"),
    type: "application/json; charset=utf-8",
  }],
]);
