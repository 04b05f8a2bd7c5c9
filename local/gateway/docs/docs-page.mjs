// Runs in the browser, beside Swagger UI.

const byId = (id) => document.getElementById(id);

/** The session of the demo user, once there is one. */
let session;

const reference = await openReference();
byId("sign-in").addEventListener("click", () => signIn());
byId("file").addEventListener("change", ({ target }) => target.files[0] && upload(target.files[0]));
byId("upload").addEventListener("submit", (event) => event.preventDefault());

async function openReference() {
  const response = await fetch("/docs/openapi.json");
  return globalThis.SwaggerUIBundle({
    spec: toTryable(await response.json()),
    dom_id: "#reference",
    deepLinking: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    responseInterceptor: readAnswer,
  });
}

/**
 * The same document for this server alone. Examples of optional parameters go: Swagger UI would send
 * them, and a cursor out of a book opens no list.
 */
function toTryable(spec) {
  const operations = Object.values(spec.paths).flatMap((item) => Object.values(item));
  for (const parameter of operations.flatMap((operation) => operation.parameters ?? [])) {
    if (parameter.required) continue;
    delete parameter.example;
    delete parameter.schema?.example;
  }
  return { ...spec, servers: [{ url: location.origin, description: "This stack" }] };
}

async function signIn() {
  const button = byId("sign-in");
  button.disabled = true;
  say("Signing in");
  try {
    const response = await fetch("/docs/demo-session", {
      method: "POST",
      headers: { "x-heimdex-docs": "1" },
    });
    const answer = await response.json();
    if (!response.ok) return say(answer.message);
    button.textContent = "Sign in anew";
    adopt(answer);
  } catch {
    say("The stack does not answer: is npm start running?");
  } finally {
    button.disabled = false;
  }
}

function adopt(next) {
  session = next;
  reference.preauthorizeApiKey("bearer", session.access_token);
  say(`Signed in as ${session.user.email}`);
}

/** Keeps the session as fresh as an app would, and remembers where a file may go. */
function readAnswer(response) {
  const { body } = response;
  if (typeof body !== "object" || body === null) return response;
  if (body.upload_url) offerUpload(body);
  if (response.ok && response.url.endsWith("/complete")) byId("upload").hidden = true;
  if (body.status_token || body.code === "session_revoked") forget();
  if (body.access_token && body.refresh_token) adopt(body);
  if (body.refresh_required || body.code === "token_expired") refresh();
  return response;
}

/** A deleted account and an ended session leave nothing to refresh. */
function forget() {
  session = undefined;
  byId("upload").hidden = true;
  say("The session has ended: sign in anew");
}

async function refresh() {
  if (!session) return;
  const response = await fetch("/functions/v1/auth-onboarding/refresh", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ refresh_token: session.refresh_token }),
  });
  const answer = await response.json();
  if (response.ok) return adopt(answer);
  session = undefined;
  say(`${answer.detail ?? answer.message}: sign in anew`);
}

let ticket;

function offerUpload({ upload_url, path }) {
  ticket = { url: upload_url };
  byId("upload-path").textContent = path;
  byId("upload-result").textContent = "";
  byId("upload-progress").value = 0;
  byId("upload").reset();
  byId("upload").hidden = false;
}

function upload(file) {
  const request = new XMLHttpRequest();
  const result = byId("upload-result");
  request.open("PUT", ticket.url);
  request.setRequestHeader("content-type", file.type || "application/octet-stream");
  request.upload.onprogress = ({ loaded, total }) => byId("upload-progress").value = loaded / total;
  request.onload = () => {
    result.textContent = request.status < 300
      ? `${file.size} bytes have arrived: complete the upload`
      : `Storage refused the file: ${request.responseText}`;
  };
  request.onerror = () => result.textContent = "The upload broke off";
  request.send(file);
}

function say(text) {
  byId("status").textContent = text;
}
