// Building the page's elements. Text from the document only ever becomes text nodes: nothing here parses HTML.

/** An element; `attributes` may hold strings, numbers, booleans (present or not) and on-event functions. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.replace(/^on/, ""), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** A link out of the page, or plain text when its target is not http(s): `javascript:` must never be clickable. */
export function link(target, ...children) {
  let url = null;
  try {
    url = new URL(target);
  } catch {
    // Relative or broken: treated as text below.
  }
  if (!url || !["http:", "https:"].includes(url.protocol)) return el("span", {}, ...children);
  return el("a", { href: url.href, rel: "noopener noreferrer", target: "_blank" }, ...children);
}

/** A `<details>` whose body is made when it is first opened, which also ends recursion in recursive schemas. */
export function disclosure(summary, fill, { open = false, ...attributes } = {}) {
  const node = el("details", attributes, summary);
  let filled = false;
  const ensure = () => {
    if (filled) return;
    filled = true;
    node.append(...[fill()].flat().filter(Boolean));
  };
  node.addEventListener("toggle", () => node.open && ensure());
  node.ensure = ensure;
  if (open) {
    ensure();
    node.open = true;
  }
  return node;
}

/** A button that copies what `text()` returns, and says so to screen readers too. */
export function copyButton(text, label) {
  const button = el("button", { type: "button", class: "quiet", "aria-label": label, "aria-live": "polite" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text())) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // Over plain http (not localhost) browsers offer no clipboard API.
  }
}

function copyBySelection(text) {
  const area = el("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

/** "1.4 kB" for 1423. */
export function formatSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB"];
  let size = bytes / 1000;
  while (size >= 1000 && units.length > 1) {
    size /= 1000;
    units.shift();
  }
  return `${size.toFixed(1)} ${units[0]}`;
}
