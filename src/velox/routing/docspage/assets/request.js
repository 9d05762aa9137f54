// From the form's values to a request, and from a request to fetch() or to a curl command. No elements in here.

/**
 * `{method, url, headers, cookies, body}`; headers, cookies and query pairs are `{name, value, secret}`.
 * `values` are `{parameter, value, secret}`; `auth` is what Credentials.parts returns.
 */
export function buildRequest(operation, base, values, auth, body) {
  const given = values.filter(({ value }) => value !== undefined);
  const at = (place) => given.filter(({ parameter }) => parameter.in === place);
  const path = operation.path.replace(/\{([^}]+)\}/g, (whole, name) => {
    const found = at("path").find(({ parameter }) => parameter.name === name);
    return found ? [found.value].flat().map(encodeURIComponent).join(",") : whole;
  });
  const query = [...at("query").flatMap(queryPairs), ...auth.query];
  const single = ({ parameter, value, secret }) => ({ name: parameter.name, value: [value].flat().join(","), secret });
  const headers = [...at("header").map(single), ...auth.headers];
  if (body && body.kind !== "multipart") headers.push({ name: "Content-Type", value: body.type });
  const url = (mask) => base + path + (query.length ? `?${query.map((pair) => queryText(pair, mask)).join("&")}` : "");
  return { method: operation.method.toUpperCase(), url, headers, cookies: [...at("cookie").map(single), ...auth.cookies], body };
}

/** The styles of OpenAPI's query parameters: form (exploded unless told otherwise), deepObject, and JSON content. */
function queryPairs({ parameter, value, secret }) {
  const { name, style = "form", explode = style === "form", content } = parameter;
  const pair = (key, one) => ({ name: key, value: one, secret });
  if (Array.isArray(value)) return explode ? value.map((one) => pair(name, one)) : [pair(name, value.join(","))];
  const object = content ? null : asObject(value);
  if (object && style === "deepObject") return Object.entries(object).map(([key, one]) => pair(`${name}[${key}]`, one));
  if (object && explode) return Object.entries(object).map(([key, one]) => pair(key, one));
  return [pair(name, value)];
}

function asObject(text) {
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // broken on purpose, perhaps: sent as the text that it is
  }
}

function queryText({ name, value, secret }, mask) {
  return `${encodeURIComponent(name)}=${secret && mask ? mask : encodeURIComponent(value)}`;
}

/** Sends it. Cookies cannot be set by fetch(), so they are lent to the browser until the answer's head is there. */
export async function send({ method, url, headers, cookies, body }, signal) {
  const restore = cookies.map(lendCookie);
  try {
    const list = headers.map(({ name, value }) => [name, value]);
    return await fetch(url(), { method, headers: list, body: payload(body), signal, credentials: "same-origin", redirect: "follow", cache: "no-store" });
  } finally {
    restore.forEach((undo) => undo());
  }
}

function lendCookie({ name, value }) {
  const before = document.cookie.split("; ").find((one) => one.startsWith(`${name}=`));
  document.cookie = `${name}=${value}; path=/; SameSite=Strict`;
  return () => (document.cookie = before ? `${before}; path=/; SameSite=Strict` : `${name}=; path=/; max-age=0`);
}

function payload(body) {
  if (!body) return undefined;
  if (body.kind === "text") return body.text;
  if (body.kind === "file") return body.file;
  const form = body.kind === "form" ? new URLSearchParams() : new FormData();
  for (const { name, value } of body.pairs) form.append(name, value);
  return body.kind === "form" ? form.toString() : form;
}

/** The same request for a terminal. With `mask`, secrets are shown as it (for the screen; the copy has the real ones). */
export function curl({ method, url, headers, cookies, body }, mask) {
  const shown = ({ value, secret }) => (secret && mask ? mask : value);
  const implied = body ? "POST" : "GET";
  const words = [method === "HEAD" ? ["--head"] : method === implied ? [] : ["-X", method]];
  words.push([quote(new URL(url(mask), location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}"))]);
  for (const header of headers) words.push(["-H", quote(`${header.name}: ${shown(header)}`)]);
  if (cookies.length) words.push(["-b", quote(cookies.map((one) => `${one.name}=${shown(one)}`).join("; "))]);
  words.push(...bodyWords(body, shown));
  return `curl ${words.filter((one) => one.length).map((one) => one.join(" ")).join(" \\\n  ")}`;
}

function bodyWords(body, shown) {
  if (!body) return [];
  if (body.kind === "text") return [["--data-raw", quote(body.text)]];
  if (body.kind === "file") return [["--data-binary", quote(`@${body.file.name}`)]];
  if (body.kind === "form") return body.pairs.map((one) => ["--data-urlencode", quote(`${encodeURIComponent(one.name)}=${shown(one)}`)]);
  // --form-string, because -F gives "@" and "<" at a value's beginning a meaning.
  return body.pairs.map((one) =>
    one.value instanceof File ? ["-F", quote(`${one.name}=@${one.value.name}`)] : ["--form-string", quote(`${one.name}=${shown(one)}`)],
  );
}

/** One word of a POSIX shell: nothing has a meaning inside single quotes, so only they need care. */
export function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`;
}
