// One form field for one value: the control that suits its schema. Wrong values may be typed on purpose,
// because seeing how the server refuses them is half of what "try it" is for.
import { el } from "./dom.js";
import { typeLabel } from "./schemaview.js";

let count = 0;

/** `{node, read}`: `read()` is undefined (not given), a string, an array of strings, or an array of files. */
export function formField(schemas, { name, schema, required, example }) {
  const core = schemas.core(schema);
  const id = `field-${++count}`;
  const { control, read } = controlFor(schemas, core, { id, required, value: example });
  const label = el(
    "label",
    { for: id },
    el("code", {}, name),
    el("span", { class: "type" }, typeLabel(schemas, schema).map((part) => part.textContent ?? part)),
    required && el("span", { class: "required" }, "required"),
  );
  return { node: el("div", { class: "field" }, label, control), read, control };
}

export function isFile(schemas, schema) {
  const core = schemas.core(schema);
  const binary = core.format === "binary" || (core.contentMediaType && !core.contentEncoding);
  return schemas.type(core) === "string" && Boolean(binary);
}

/** Whether the value should not be shown on the screen. */
export function isSecret(schemas, schema) {
  return schemas.core(schema).format === "password";
}

function controlFor(schemas, core, { id, required, value }) {
  const items = core.items ? schemas.core(core.items) : null;
  const type = schemas.type(core);
  if (isFile(schemas, core) || (items && isFile(schemas, items))) return fileControl(id, Boolean(items));
  if (items?.enum) return manyChoices(id, items.enum, value);
  if (type === "array") return lines(id, value);
  if (core.enum) return choice(id, core.enum, required, value);
  if (type === "boolean") return choice(id, [true, false], required, value);
  if (type === "object") return textControl(el("textarea", { id, rows: "3", spellcheck: "false" }), value && JSON.stringify(value));
  const input = el("input", {
    id,
    type: core.format === "password" ? "password" : "text",
    inputmode: type === "integer" ? "numeric" : type === "number" ? "decimal" : null,
    placeholder: core.default === undefined || core.default === null ? null : asText(core.default),
    autocomplete: "off",
    spellcheck: "false",
  });
  return textControl(input, core.const ?? value);
}

function textControl(control, value) {
  if (value !== undefined && value !== null) control.value = asText(value);
  return { control, read: () => control.value || undefined };
}

function choice(id, values, required, value) {
  const options = values.filter((one) => one !== null).map((one) => el("option", { value: asText(one) }, asText(one)));
  const control = el("select", { id }, required ? null : el("option", { value: "" }, "—"), options);
  if (value !== undefined && value !== null) control.value = asText(value);
  return { control, read: () => control.value || undefined };
}

function manyChoices(id, values, chosen = []) {
  const options = values.map((one) => el("option", { value: asText(one), selected: [chosen].flat().includes(one) }, asText(one)));
  const control = el("select", { id, multiple: true, size: Math.min(values.length, 5) }, options);
  return { control, read: () => some([...control.selectedOptions].map((one) => one.value)) };
}

function lines(id, value) {
  const control = el("textarea", { id, rows: "2", placeholder: "one value per line", spellcheck: "false" });
  if (Array.isArray(value)) control.value = value.map(asText).join("\n");
  return { control, read: () => some(control.value.split("\n").filter(Boolean)) };
}

function fileControl(id, multiple) {
  const control = el("input", { id, type: "file", multiple });
  return { control, read: () => some([...control.files]) };
}

function some(values) {
  return values.length ? values : undefined;
}

function asText(value) {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
