// What came back: status, time, size, headers, and a body that is JSON, text, a stream or a file.
import { copyButton, el, formatSize } from "./dom.js";
import { jsonView } from "./json.js";

const STREAM = /^(text\/event-stream|application\/(x-ndjson|ndjson|jsonl|jsonlines|json-seq))/i;
const TEXT = /^text\/|[/+](json|xml|yaml|javascript|x-www-form-urlencoded)\b/i;
const SHOWN_CHARACTERS = 1_000_000; // more would freeze the tab; the rest can be downloaded
const SHOWN_PIECES = 1_000; // of an endless stream: older ones are dropped

/** A region that shows one answer at a time and tells screen readers about it. */
export function responseView() {
  const node = el("section", { class: "response", "aria-label": "Response", "aria-live": "polite", hidden: true });
  const fill = (...children) => {
    node.hidden = false;
    node.replaceChildren(...children.filter(Boolean));
  };
  return {
    node,
    waiting: () => fill(el("p", { class: "hint" }, "Waiting for the answer …")),
    failed: (message) => fill(el("p", { class: "status bad" }, message)),
    show: (response, started) => show(fill, response, started),
  };
}

async function show(fill, response, started) {
  const type = response.headers.get("content-type") ?? "";
  const meter = el("span", { class: "meter" });
  const measure = (bytes) => (meter.textContent = `${Math.round(performance.now() - started)} ms · ${formatSize(bytes)}`);
  const tone = response.ok ? "good" : response.status < 400 ? "" : "bad";
  const status = el("p", { class: `status ${tone}` }, el("b", {}, `${response.status} ${response.statusText}`), meter);
  const slot = el("div");
  measure(0);
  fill(status, slot, headersView(response.headers));
  if (STREAM.test(type)) await streamBody(slot, response, measure);
  else await wholeBody(slot, response, type, measure);
}

function headersView(headers) {
  const rows = [...headers].map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("details", { class: "headers" }, el("summary", {}, `Headers (${rows.length})`), el("dl", {}, rows));
}

async function wholeBody(slot, response, type, measure) {
  const blob = await response.blob();
  measure(blob.size);
  if (!blob.size) return slot.append(el("p", { class: "hint" }, "No body."));
  if (!TEXT.test(type)) return slot.append(downloadLink(blob, type));
  const text = await blob.text();
  const shown = text.slice(0, SHOWN_CHARACTERS);
  const view = /json/i.test(type) ? jsonView(shown) : el("code", {}, shown);
  const pre = el("pre", { tabindex: "0", "aria-label": "Body" }, view);
  slot.append(el("div", { class: "code-box" }, copyButton(() => text, "Copy the body"), pre));
  if (shown !== text) slot.append(downloadLink(blob, type));
}

function downloadLink(blob, type) {
  const name = `response${/json/.test(type) ? ".json" : /text/.test(type) ? ".txt" : ""}`;
  return el("p", {}, el("a", { href: URL.createObjectURL(blob), download: name }, `Download ${formatSize(blob.size)}`), ` ${type || "of unknown type"}`);
}

async function streamBody(slot, response, measure) {
  const view = el("code");
  const note = el("p", { class: "hint" }, "Streaming …");
  slot.append(el("pre", { tabindex: "0", class: "stream", "aria-label": "Body, arriving in pieces" }, view), note);
  const decoder = new TextDecoder();
  let bytes = 0;
  try {
    for (let reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
      measure(bytes);
      view.append(decoder.decode(value, { stream: true }));
      while (view.childNodes.length > SHOWN_PIECES) view.firstChild.remove();
      view.parentNode.scrollTop = view.parentNode.scrollHeight;
    }
    note.textContent = "The stream has ended.";
  } catch (error) {
    note.textContent = error.name === "AbortError" ? "Stopped." : "The stream was cut off.";
  }
}
