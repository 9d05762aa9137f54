// Showing JSON: indented and coloured from its own text, token by token. Going through JSON.parse and back
// would change numbers (12345678901234567890, 1.0) and hide duplicate keys, which a debugging page must not.
import { el } from "./dom.js";

const TOKEN = /"(?:\\.|[^"\\])*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;
const COLOURED_LIMIT = 400_000; // characters; beyond it thousands of elements make scrolling slow

/** A `<code>` with `text`, pretty-printed when it is valid JSON. */
export function jsonView(text) {
  if (!isJson(text) || text.length > COLOURED_LIMIT) return el("code", {}, text);
  const out = [];
  layout([...text.matchAll(TOKEN)].map(([token]) => token), (token, kind) =>
    out.push(kind ? el("span", { class: kind }, token) : token),
  );
  return el("code", {}, out);
}

export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function layout(tokens, write) {
  let depth = 0;
  const newline = () => write(`\n${"  ".repeat(depth)}`);
  tokens.forEach((token, at) => {
    const next = tokens[at + 1];
    if (token === "{" || token === "[") {
      write(token);
      depth++;
      if (next !== "}" && next !== "]") newline();
    } else if (token === "}" || token === "]") {
      depth--;
      if (tokens[at - 1] !== "{" && tokens[at - 1] !== "[") newline();
      write(token);
    } else if (token === ",") {
      write(token);
      newline();
    } else if (token === ":") write(": ");
    else write(token, kindOf(token, next));
  });
}

function kindOf(token, next) {
  if (token.startsWith('"')) return next === ":" ? "json-key" : "json-string";
  return /^[-\d]/.test(token) ? "json-number" : "json-word";
}
