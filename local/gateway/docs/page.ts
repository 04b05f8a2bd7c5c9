/** The page at /docs; what moves in it is docs-page.mjs. */
export function renderPage(): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Heimdex API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
    <link rel="stylesheet" href="/docs/docs-page.css">
  </head>
  <body>
    <div class="bars">
      <header class="bar">
        <strong>Heimdex API</strong>
        <nav>
          <a href="/docs/openapi.json">openapi.json</a>
          <a href="/mail">Mails</a>
        </nav>
        <p id="status" role="status">Signed in as nobody</p>
        <button id="sign-in" type="button">Sign in as a demo user</button>
      </header>
      <form id="upload" class="bar" hidden>
        <label for="file">Upload to <code id="upload-path"></code></label>
        <input id="file" type="file">
        <progress id="upload-progress" max="1" value="0"></progress>
        <output id="upload-result"></output>
      </form>
    </div>
    <main id="reference"></main>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script type="module" src="/docs/docs-page.mjs"></script>
  </body>
</html>
`;
}
