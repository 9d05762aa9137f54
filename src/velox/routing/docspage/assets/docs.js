// The start: load the OpenAPI document, show it, or say clearly why that was not possible.
import { Credentials } from "./auth.js";
import { el } from "./dom.js";
import { operationsOf } from "./operation.js";
import { followAddress, pageView } from "./page.js";
import { Schemas } from "./schema.js";

async function load(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!response.ok) throw new Error(`The server answered ${response.status} ${response.statusText}.`);
  const document = await response.json();
  if (typeof document?.openapi !== "string") throw new Error("That is JSON, but not an OpenAPI 3 document.");
  return document;
}

/** Where requests go: the document's first server if it is this origin (the only one the page may talk to). */
function serverOf(document, openapiUrl) {
  const written = document.servers?.[0]?.url;
  if (!written) return { base: "" };
  const variables = document.servers[0].variables ?? {};
  const filled = written.replace(/\{([^}]+)\}/g, (whole, name) => variables[name]?.default ?? whole);
  const url = new URL(filled, new URL(openapiUrl, location.href));
  if (url.origin === location.origin) return { base: url.pathname.replace(/\/$/, "") };
  return { base: "", notice: `The document names the server ${url.origin}. This page sends requests to its own server, ${location.origin}, only.` };
}

function failure(url, error) {
  return el(
    "main",
    { id: "content", class: "failure", role: "alert" },
    el("h1", {}, "The API description could not be loaded"),
    el("p", {}, error.message),
    el("p", {}, "It should be at ", el("a", { href: url }, url), ". Open it to see what the server says, then reload this page."),
  );
}

async function start() {
  const app = document.getElementById("app");
  const openapiUrl = document.documentElement.dataset.openapi;
  try {
    const description = await load(openapiUrl);
    const schemas = new Schemas(description);
    const context = { document: description, schemas, openapiUrl, credentials: new Credentials(description, openapiUrl), ...serverOf(description, openapiUrl) };
    app.replaceChildren(...pageView(context, operationsOf(description, schemas)));
    document.title = description.info?.title ?? document.title;
    addEventListener("hashchange", followAddress);
    followAddress();
  } catch (error) {
    app.replaceChildren(failure(openapiUrl, error));
  }
}

start();
