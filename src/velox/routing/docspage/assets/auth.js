// Credentials: typed in by hand, kept in sessionStorage (they end with the tab), sent to this origin only.
import { el } from "./dom.js";

/** The credentials of this tab, by security scheme. */
export class Credentials extends EventTarget {
  constructor(document, key) {
    super();
    this.schemes = document.components?.securitySchemes ?? {};
    this.default = document.security ?? [];
    this.key = `velox-docs ${key}`;
    try {
      this.values = JSON.parse(sessionStorage.getItem(this.key)) ?? {};
    } catch {
      this.values = {}; // storage forbidden, or not ours: memory is enough
    }
  }

  set(values) {
    this.values = values;
    try {
      sessionStorage.setItem(this.key, JSON.stringify(values));
    } catch {
      // as above
    }
    this.dispatchEvent(new Event("change"));
  }

  has(name) {
    return Object.values(this.values[name] ?? {}).some(Boolean);
  }

  /** The alternatives of an operation: each an array of scheme names that are needed together. */
  alternatives(operation) {
    return (operation.security ?? this.default).map((one) => Object.entries(one));
  }

  /** Headers, query pairs and cookies of the first alternative for which everything is known. */
  parts(operation) {
    const parts = { headers: [], query: [], cookies: [] };
    const chosen = this.alternatives(operation).find((one) => one.length && one.every(([name]) => this.has(name)));
    for (const [name] of chosen ?? []) this.#add(parts, this.schemes[name] ?? {}, this.values[name]);
    return parts;
  }

  #add(parts, scheme, { value, username, password }) {
    const authorization = (text) => parts.headers.push({ name: "Authorization", value: text, secret: true });
    if (scheme.type === "apiKey") {
      const place = { header: parts.headers, query: parts.query, cookie: parts.cookies }[scheme.in];
      place?.push({ name: scheme.name, value, secret: true });
    } else if (isBasic(scheme)) authorization(`Basic ${base64(`${username ?? ""}:${password ?? ""}`)}`);
    else authorization(`Bearer ${value}`);
  }
}

function isBasic(scheme) {
  return scheme.type === "http" && scheme.scheme?.toLowerCase() === "basic";
}

function base64(text) {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text))); // RFC 7617 with charset UTF-8
}

function explain(scheme) {
  if (scheme.type === "apiKey") return `API key in the ${scheme.in}: ${scheme.name}`;
  if (isBasic(scheme)) return "HTTP Basic";
  if (scheme.type === "oauth2") return `OAuth 2 access token (${Object.keys(scheme.flows ?? {}).join(", ")})`;
  if (scheme.type === "openIdConnect") return "OpenID Connect access token";
  if (scheme.type === "mutualTLS") return "Client certificate: your browser asks for it";
  return `HTTP ${scheme.scheme ?? "bearer"}${scheme.bearerFormat ? ` (${scheme.bearerFormat})` : ""}`;
}

/** The button that opens the dialog, or null for an API without security schemes. */
export function authorizeButton(credentials) {
  if (!Object.keys(credentials.schemes).length) return null;
  const button = el("button", { type: "button", class: "quiet", "aria-haspopup": "dialog" });
  const show = () => {
    const known = Object.keys(credentials.schemes).some((name) => credentials.has(name));
    button.textContent = known ? "Authorized" : "Authorize";
    button.classList.toggle("on", known);
  };
  button.addEventListener("click", () => openDialog(credentials));
  credentials.addEventListener("change", show);
  show();
  return button;
}

function openDialog(credentials) {
  const groups = Object.entries(credentials.schemes).map(([name, scheme], at) => schemeGroup(name, scheme, credentials.values[name], at));
  const close = () => dialog.close();
  const clear = () => {
    credentials.set({});
    close();
  };
  const submit = (event) => {
    event.preventDefault();
    credentials.set(Object.fromEntries(groups.map((group) => [group.name, group.read()])));
    close();
  };
  const form = el(
    "form",
    { onsubmit: submit, autocomplete: "off" },
    el("h2", { id: "authorize-title" }, "Authorize"),
    el("p", { class: "hint" }, "Kept in this tab only, and sent to this server only."),
    groups.map((group) => group.node),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "submit", class: "primary" }, "Use these"),
      el("button", { type: "button", class: "quiet", onclick: clear }, "Forget all"),
      el("button", { type: "button", class: "quiet", onclick: close }, "Cancel"),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "authorize-title", onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

function schemeGroup(name, scheme, known = {}, at) {
  const names = scheme.type === "mutualTLS" ? [] : isBasic(scheme) ? ["username", "password"] : ["value"];
  const inputs = names.map((key) => {
    const type = key === "username" ? "text" : "password";
    const input = el("input", { id: `auth-${at}-${key}`, type, autocomplete: "off", spellcheck: "false" });
    input.value = known[key] ?? "";
    return [key, input];
  });
  const labels = { value: scheme.type === "apiKey" ? "Key" : "Token", username: "User name", password: "Password" };
  const rows = inputs.map(([key, input]) => el("div", { class: "field" }, el("label", { for: input.id }, labels[key]), input));
  const description = scheme.description ? el("p", { class: "hint" }, scheme.description) : null;
  return {
    name,
    node: el("fieldset", {}, el("legend", {}, name), el("p", { class: "hint" }, explain(scheme)), description, rows),
    read: () => Object.fromEntries(inputs.map(([key, input]) => [key, input.value])),
  };
}
