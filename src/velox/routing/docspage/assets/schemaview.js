// Drawing schemas: one row a property, deeper levels made when they are opened.
import { disclosure, el } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import { constraints } from "./schema.js";

/** The type in one line: `Item`, `array of string`, `integer | null`, with components linked to the model index. */
export function typeLabel(schemas, schema, depth = 0) {
  const name = schemas.name(schema);
  if (name) return [el("a", { href: `#model-${encodeURIComponent(name)}` }, name)];
  const resolved = schemas.resolve(schema);
  const variants = depth < 4 ? schemas.variants(resolved) : [];
  const parts = variants.length
    ? join(variants.map((one) => typeLabel(schemas, one, depth + 1)))
    : plainLabel(schemas, resolved, depth);
  return schemas.nullable(resolved) && schemas.type(resolved) !== "null" ? [...parts, " | null"] : parts;
}

function join(labels) {
  return labels.flatMap((label, at) => (at ? [" | ", ...label] : label));
}

function plainLabel(schemas, schema, depth) {
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  const type = schemas.type(schema);
  if (depth > 4) return [type];
  if (type === "array" && schema.prefixItems)
    return ["tuple of ", ...schema.prefixItems.flatMap((one, at) => [at ? ", " : "", ...typeLabel(schemas, one, depth + 1)])];
  if (type === "array") return ["array of ", ...typeLabel(schemas, schema.items ?? {}, depth + 1)];
  const values = schema.additionalProperties;
  if (type === "object" && values && typeof values === "object" && !schema.properties)
    return ["map of ", ...typeLabel(schemas, values, depth + 1)];
  const format = schema.format ?? schema.contentMediaType;
  return [schema.enum ? `${type} enum` : format ? `${type} ${format}` : type];
}

/** The whole schema: its properties, alternatives or items, or just its type when it has no inside. */
export function schemaView(schemas, schema) {
  const inner = inside(schemas, schema);
  return el("div", { class: "schema" }, inner ?? el("p", { class: "type" }, typeLabel(schemas, schema), facts(schemas, schema)));
}

const DEPTH = 8; // of arrays, maps and unions in each other: types like `X = list[X]` have no end

/** What there is to draw below `schema`: an object's schema or a union, behind any arrays and maps; or null. */
function innermost(schemas, schema, depth = 0) {
  const resolved = schemas.resolve(schema);
  const variants = schemas.variants(resolved);
  if (depth > DEPTH) return null;
  if (variants.length > 1) return variants.some((one) => innermost(schemas, one, depth + 1)) ? resolved : null;
  const core = schemas.core(resolved);
  if (core.properties) return core;
  const below = core.items ?? core.additionalProperties;
  return below && typeof below === "object" ? innermost(schemas, below, depth + 1) : null;
}

function inside(schemas, schema) {
  const found = innermost(schemas, schema);
  if (!found) return null;
  const variants = schemas.variants(found);
  return variants.length > 1 ? alternatives(schemas, found, variants) : properties(schemas, found);
}

function alternatives(schemas, schema, variants) {
  const chooser = schema.discriminator?.propertyName;
  const tags = Object.entries(schema.discriminator?.mapping ?? {});
  return [
    el("p", { class: "hint" }, "One of", chooser ? [", told apart by ", el("code", {}, chooser)] : "", ":"),
    variants.map((one) => {
      const tag = tags.find(([, reference]) => reference === one.$ref)?.[0];
      const title = el("summary", {}, el("span", { class: "type" }, typeLabel(schemas, one)), tag && el("code", {}, tag));
      return disclosure(title, () => schemaView(schemas, one));
    }),
  ];
}

function properties(schemas, schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties).map(([name, property]) =>
    fieldRow(schemas, { name, schema: property, required: required.has(name) }),
  );
  const closed = schema.additionalProperties === false && el("p", { class: "hint" }, "No other keys are accepted.");
  return [el("ul", { class: "fields" }, rows), closed];
}

/** One row: a property of an object, or a parameter (`description` and `deprecated` may be its own). */
export function fieldRow(schemas, { name, schema, required, description, deprecated }) {
  const resolved = schemas.resolve(schema);
  const inner = innermost(schemas, schema);
  return el(
    "li",
    {},
    el(
      "div",
      { class: "field-head" },
      el("code", { class: deprecated || resolved.deprecated ? "name gone" : "name" }, name),
      el("span", { class: "type" }, typeLabel(schemas, schema)),
      required && el("span", { class: "required" }, "required"),
      (deprecated || resolved.deprecated) && el("span", { class: "tag" }, "deprecated"),
    ),
    markdown(description ?? resolved.description),
    facts(schemas, schema),
    inner && disclosure(el("summary", {}, "Show ", schemas.name(itemOf(schemas, schema)) ?? "its fields"), () => schemaView(schemas, schema)),
  );
}

function itemOf(schemas, schema) {
  const variants = schemas.variants(schemas.resolve(schema));
  const only = variants.length === 1 ? variants[0] : schema;
  return schemas.name(only) ? only : (schemas.resolve(only).items ?? only);
}

/** Constraints, allowed values, default and examples as a quiet line of small pieces. */
function facts(schemas, schema) {
  const core = schemas.core(schema);
  const item = core.items ? schemas.core(core.items) : {};
  const pieces = constraints(core).map((one) => el("span", {}, one));
  if (core.items) pieces.push(...constraints(item).map((one) => el("span", {}, "each ", one)));
  const variants = schemas.variants(core).map((one) => schemas.resolve(one));
  // Without their patterns: a Decimal's string form has one that explains nothing to a reader.
  const limits = variants.flatMap(({ pattern, ...one }) => (one.properties ? [] : constraints(one)));
  pieces.push(...[...new Set(limits)].map((one) => el("span", {}, one)));
  const values = core.enum ?? item.enum;
  if (values) pieces.push(el("span", {}, "one of ", values.flatMap((value, at) => [at ? " " : "", el("code", {}, text(value))])));
  if (core.default !== undefined) pieces.push(el("span", {}, "default ", el("code", {}, text(core.default))));
  const example = core.examples?.[0] ?? core.example;
  if (example !== undefined) pieces.push(el("span", {}, "example ", el("code", {}, text(example))));
  return pieces.length ? el("p", { class: "facts" }, pieces) : null;
}

function text(value) {
  return JSON.stringify(value) ?? "";
}

/** The model index at the end of the page. */
export function modelIndex(schemas, components) {
  return Object.entries(components).map(([name, schema]) => {
    const note = schemas.resolve(schema).description?.split("\n")[0];
    const title = el("summary", {}, el("span", { class: "model-name" }, name), note && el("span", { class: "hint" }, inline(note)));
    return disclosure(title, () => schemaView(schemas, schema), { id: `model-${name}`, class: "model" });
  });
}
