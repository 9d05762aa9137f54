// The editor of a request body: JSON or other text in a textarea, forms as fields, anything else as a file.
import { el } from "./dom.js";
import { formField, isFile, isSecret } from "./field.js";
import { isJson } from "./json.js";

export const isJsonType = (type) => /^application\/([\w.+-]+\+)?json\b/i.test(type);

/** The example of a media type object: written by hand if there is one, else made from its schema. */
export function exampleOf(schemas, media) {
  const named = Object.values(media.examples ?? {})[0];
  const resolved = named?.$ref ? schemas.lookup(named.$ref) : named;
  return media.example ?? resolved?.value ?? schemas.example(media.schema ?? {});
}

/** `{node, read}` for a request body, or null; `read()` is a body for request.js, or null when there is none. */
export function bodyEditor(schemas, requestBody, onChange) {
  const types = Object.entries(requestBody?.content ?? {});
  if (!types.length) return null;
  const editors = new Map();
  const holder = el("div");
  let current = types[0][0];
  const show = (type) => {
    current = type;
    if (!editors.has(type)) editors.set(type, editorFor(schemas, type, requestBody.content[type]));
    holder.replaceChildren(editors.get(type).node);
    onChange();
  };
  const choice = types.length > 1 && typeChoice(types, show);
  const title = el("legend", {}, "Body ", choice || el("span", { class: "type" }, current));
  const node = el("fieldset", {}, title, holder);
  editors.set(current, editorFor(schemas, current, types[0][1]));
  holder.append(editors.get(current).node);
  return { node, read: () => editors.get(current).read() };
}

function typeChoice(types, show) {
  const options = types.map(([type]) => el("option", { value: type }, type));
  return el("select", { "aria-label": "Media type of the body", onchange: (event) => show(event.target.value) }, options);
}

function editorFor(schemas, type, media) {
  const form = /^(multipart\/form-data|application\/x-www-form-urlencoded)/i.exec(type);
  if (form) return formEditor(schemas, form[1].toLowerCase(), media);
  if (isJsonType(type) || /^text\/|xml|json/i.test(type)) return textEditor(schemas, type, media);
  return fileEditor(type);
}

function textEditor(schemas, type, media) {
  const example = exampleOf(schemas, media);
  const json = /json/i.test(type);
  const text = json ? JSON.stringify(example ?? null, null, 2) : typeof example === "string" ? example : "";
  const rows = Math.min(Math.max(text.split("\n").length, 3), 18);
  const area = el("textarea", { class: "code", rows, spellcheck: "false", "aria-label": `Body, ${type}` });
  const note = el("p", { class: "hint", role: "status" });
  area.value = text;
  // Only a note: it is sent as it is, since a server's answer to broken JSON is worth seeing too.
  if (json) area.addEventListener("input", () => (note.textContent = isJson(area.value) ? "" : "This is not valid JSON."));
  return { node: el("div", {}, area, note), read: () => ({ kind: "text", type, text: area.value }) };
}

function formEditor(schemas, type, media) {
  const schema = schemas.core(media.schema ?? {});
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const needsValue = required.has(name) && !isFile(schemas, property);
    const example = needsValue ? schemas.example(property) : undefined;
    return { name, secret: isSecret(schemas, property), ...formField(schemas, { name, schema: property, required: required.has(name), example }) };
  });
  const read = () => {
    const pairs = fields.flatMap(({ name, secret, read: value }) => [value() ?? []].flat().map((one) => ({ name, value: one, secret })));
    return { kind: type === "multipart/form-data" ? "multipart" : "form", type, pairs };
  };
  return { node: el("div", {}, fields.map((field) => field.node)), read };
}

function fileEditor(type) {
  const input = el("input", { type: "file", "aria-label": `Body, ${type}` });
  return { node: input, read: () => (input.files[0] ? { kind: "file", type, file: input.files[0] } : null) };
}
