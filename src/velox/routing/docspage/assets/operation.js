// One operation: what it does, what it takes and what it answers, with the panel to try it beside.
import { exampleOf, isJsonType } from "./body.js";
import { disclosure, el } from "./dom.js";
import { jsonView } from "./json.js";
import { markdown } from "./markdown.js";
import { fieldRow, schemaView, typeLabel } from "./schemaview.js";
import { tryPanel } from "./tryit.js";

const METHODS = ["get", "post", "put", "patch", "delete", "options", "head", "trace"];

/** Every operation of the document with its references followed, in the document's order. */
export function operationsOf(document, schemas) {
  const follow = (node) => (node?.$ref ? { ...schemas.lookup(node.$ref) } : node);
  return Object.entries(document.paths ?? {}).flatMap(([path, rawItem]) => {
    const item = follow(rawItem);
    return METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method];
      return {
        ...operation,
        path,
        method,
        id: operation.operationId ?? `${method}${path.replace(/\W+/g, "-")}`,
        title: operation.summary || operation.operationId || `${method.toUpperCase()} ${path}`,
        tags: operation.tags?.length ? operation.tags : ["default"],
        parameters: mergeParameters([...(item.parameters ?? []), ...(operation.parameters ?? [])].map(follow)),
        requestBody: follow(operation.requestBody),
        responses: Object.entries(operation.responses ?? {}).map(([status, one]) => [status, follow(one)]),
      };
    });
  });
}

/** An operation's own parameter replaces its path's parameter of the same name and place. */
function mergeParameters(parameters) {
  return [...new Map(parameters.map((one) => [`${one.in} ${one.name}`, one])).values()];
}

export function badge(method) {
  return el("span", { class: `method ${METHODS.includes(method) ? method : ""}` }, method === "delete" ? "DEL" : method.toUpperCase());
}

/** The article of one operation. */
export function operationView(context, operation) {
  const title = el("h3", { class: operation.deprecated ? "gone" : null }, operation.title, anchor(operation));
  const head = el("header", {}, title, el("p", { class: "path" }, badge(operation.method), pathCode(operation.path)));
  const text = el(
    "div",
    { class: "text" },
    operation.deprecated && el("p", { class: "tag" }, "deprecated"),
    markdown(operation.description),
    securityNote(context, operation),
    parametersView(context, operation),
    bodyView(context, operation.requestBody),
    responsesView(context, operation.responses),
  );
  const side = el("div", { class: "side" }, tryPanel(context, operation), exampleAnswer(context, operation));
  return el("article", { id: operation.id, class: "operation", tabindex: "-1" }, head, el("div", { class: "columns" }, text, side));
}

function anchor(operation) {
  return el("a", { class: "anchor", href: `#${encodeURIComponent(operation.id)}`, "aria-label": `Link to ${operation.title}` }, "#");
}

function pathCode(path) {
  const parts = path.split(/(\{[^}]+\})/).map((part) => (part.startsWith("{") ? el("em", {}, part) : part));
  return el("code", {}, parts);
}

function securityNote({ credentials }, operation) {
  const alternatives = credentials.alternatives(operation);
  const needed = alternatives.filter((one) => one.length);
  if (!needed.length) return null;
  const names = needed.map((one) => one.map(([name, scopes]) => (scopes.length ? `${name} (${scopes.join(", ")})` : name)).join(" with "));
  const optional = needed.length < alternatives.length ? " (optional)" : "";
  return el("p", { class: "security" }, "Authorization: ", el("b", {}, names.join(" or ")), optional);
}

function parametersView({ schemas }, { parameters }) {
  return ["path", "query", "header", "cookie"].map((place) => {
    const rows = parameters
      .filter((one) => one.in === place)
      .map((one) => fieldRow(schemas, { ...one, schema: one.schema ?? Object.values(one.content ?? {})[0]?.schema ?? {} }));
    return rows.length ? [el("h4", {}, `${place[0].toUpperCase()}${place.slice(1)} parameters`), el("ul", { class: "fields" }, rows)] : [];
  });
}

function bodyView({ schemas }, requestBody) {
  const types = Object.entries(requestBody?.content ?? {});
  if (!types.length) return null;
  return [
    el("h4", {}, "Request body", requestBody.required ? el("span", { class: "required" }, "required") : null),
    markdown(requestBody.description),
    types.map(([type, media]) => mediaView(schemas, type, media)),
  ];
}

function mediaView(schemas, type, media) {
  const title = el("p", { class: "media" }, el("code", {}, type), media.schema && el("span", { class: "type" }, typeLabel(schemas, media.schema)));
  return [title, media.schema && schemaView(schemas, media.schema)];
}

function isProblem([status, response]) {
  const types = Object.keys(response.content ?? {});
  return /^[45]|default/.test(status) && types.length > 0 && types.every((type) => /problem\+json/.test(type));
}

function responsesView({ schemas }, responses) {
  const problems = responses.filter(isProblem);
  const others = responses.filter((one) => !isProblem(one));
  if (!responses.length) return null;
  const views = others.map(([status, response], at) => {
    const body = Object.entries(response.content ?? {});
    const title = el("summary", {}, statusCode(status), el("span", {}, response.description ?? ""));
    const inside = () => [headerRows(schemas, response.headers), body.map(([type, media]) => mediaView(schemas, type, media))].flat(Infinity);
    const empty = !body.length && !response.headers;
    return empty ? el("div", { class: "answer" }, statusCode(status), el("span", {}, response.description ?? "")) : disclosure(title, inside, { open: at === 0 && status < "3", class: "answer" });
  });
  return [el("h4", {}, "Responses"), views, problems.length ? problemsView(schemas, problems) : null];
}

function statusCode(status) {
  return el("code", { class: `code-${status[0]}` }, status);
}

function headerRows(schemas, headers = {}) {
  const rows = Object.entries(headers).map(([name, raw]) => {
    const header = raw.$ref ? schemas.lookup(raw.$ref) ?? {} : raw;
    return fieldRow(schemas, { name, ...header, schema: header.schema ?? {} });
  });
  return rows.length ? [el("p", { class: "media" }, "Headers"), el("ul", { class: "fields" }, rows)] : [];
}

/** Problems share one document: they are a line each, and their schema is shown once for each kind. */
function problemsView(schemas, problems) {
  const title = el("summary", {}, el("span", {}, "Problems"), problems.map(([status]) => statusCode(status)));
  return disclosure(
    title,
    () => {
      const lines = problems.map(([status, { description }]) => el("li", {}, statusCode(status), " ", description ?? ""));
      const kinds = new Map(problems.map(([, { content }]) => [JSON.stringify(Object.values(content)[0].schema), Object.entries(content)[0]]));
      return [el("ul", { class: "problems" }, lines), [...kinds.values()].map(([type, media]) => mediaView(schemas, type, media))].flat(Infinity);
    },
    { class: "answer" },
  );
}

/** The first successful JSON answer, as an example beside the description. */
function exampleAnswer({ schemas }, { responses }) {
  const found = responses.find(([status, { content }]) => status < "3" && Object.keys(content ?? {}).some(isJsonType));
  if (!found) return null;
  const [type, media] = Object.entries(found[1].content).find(([name]) => isJsonType(name));
  const example = exampleOf(schemas, media);
  if (example === undefined) return null;
  const head = el("div", { class: "panel-head" }, el("span", {}, "Response ", statusCode(found[0])), el("span", { class: "hint" }, type));
  return el("section", { class: "panel", "aria-label": "Example response" }, head, el("pre", { tabindex: "0" }, jsonView(JSON.stringify(example))));
}
