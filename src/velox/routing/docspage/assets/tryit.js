// The right-hand panel of an operation: its curl command, the form that sends it, and the answer.
import { bodyEditor } from "./body.js";
import { copyButton, el } from "./dom.js";
import { formField, isSecret } from "./field.js";
import { responseView } from "./response.js";
import { buildRequest, curl, send } from "./request.js";

const MASK = "•••";

/** The panel. Its form is put on the page when it is first asked for. */
export function tryPanel(context, operation) {
  const code = el("code");
  const form = requestForm(context, operation, () => show());
  const build = () => buildRequest(operation, context.base, form.values(), context.credentials.parts(operation), form.body());
  const show = () => (code.textContent = curl(build(), MASK));
  context.credentials.addEventListener("change", show);
  show();
  const opener = el("button", { type: "button", class: "primary", "aria-expanded": "false" }, "Try it");
  const slot = el("div", { hidden: true });
  opener.addEventListener("click", () => {
    if (!slot.hasChildNodes()) slot.append(sender(operation, form, build));
    slot.hidden = !slot.hidden;
    opener.setAttribute("aria-expanded", String(!slot.hidden));
    opener.textContent = slot.hidden ? "Try it" : "Close";
    if (!slot.hidden) slot.querySelector("input, select, textarea, button")?.focus();
  });
  const head = el("div", { class: "panel-head" }, el("span", {}, "Request"), copyButton(() => curl(build()), "Copy the curl command"), opener);
  return el("section", { class: "panel", "aria-label": `Try ${operation.title}` }, head, el("pre", { tabindex: "0" }, code), slot);
}

function requestForm({ schemas }, { parameters, requestBody }, onChange) {
  const fields = parameters.map((parameter) => {
    const { name, required } = parameter;
    const schema = parameter.schema ?? Object.values(parameter.content ?? {})[0]?.schema ?? {};
    const example = parameter.example ?? Object.values(parameter.examples ?? {})[0]?.value ?? (required ? schemas.example(schema) : undefined);
    const secret = isSecret(schemas, schema);
    return { parameter, secret, ...formField(schemas, { name, schema, required, example }) };
  });
  const body = bodyEditor(schemas, requestBody, onChange);
  return {
    fields,
    bodyNode: body?.node,
    onChange,
    values: () => fields.map(({ parameter, secret, read }) => ({ parameter, secret, value: read() })),
    body: () => body?.read() ?? null,
  };
}

function sender(operation, form, build) {
  const answer = responseView();
  const button = el("button", { type: "submit", class: "primary" }, "Send");
  let running = null;
  const submit = async (event) => {
    event.preventDefault();
    if (running) return running.abort();
    const missing = form.fields.find(({ parameter, read }) => parameter.in === "path" && read() === undefined);
    if (missing) {
      answer.failed(`The path needs a value for ${missing.parameter.name}.`);
      return missing.control.focus();
    }
    running = new AbortController();
    button.textContent = "Stop";
    await exchange(answer, build(), running.signal);
    running = null;
    button.textContent = "Send";
  };
  const shortcut = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && form.node.requestSubmit();
  form.node = el(
    "form",
    { onsubmit: submit, oninput: form.onChange, onchange: form.onChange, onkeydown: shortcut, autocomplete: "off", novalidate: true },
    parameterGroups(form.fields),
    form.bodyNode,
    el("div", { class: "actions" }, button, el("span", { class: "hint" }, "Ctrl+Enter")),
  );
  return el("div", {}, form.node, answer.node);
}

function parameterGroups(fields) {
  return ["path", "query", "header", "cookie"].map((place) => {
    const nodes = fields.filter(({ parameter }) => parameter.in === place).map(({ node }) => node);
    return nodes.length ? el("fieldset", {}, el("legend", {}, `${place[0].toUpperCase()}${place.slice(1)}`), nodes) : null;
  });
}

async function exchange(answer, request, signal) {
  const started = performance.now();
  answer.waiting();
  try {
    const response = await send(request, signal);
    const shown = answer.show(response, started);
    answer.node.scrollIntoView({ block: "nearest" });
    await shown;
  } catch (error) {
    answer.failed(error.name === "AbortError" ? "Stopped." : `No answer: ${error.message}`);
  }
}
