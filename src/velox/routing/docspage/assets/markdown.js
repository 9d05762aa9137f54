// The part of CommonMark that API descriptions use, made into elements: paragraphs, lists, headings,
// fenced code, `code`, **bold**, *emphasis* and links. Everything else stays the text that it is.
import { el, link } from "./dom.js";

const FENCE = /^\s*(```|~~~)/;
const BULLET = /^\s*[-*+]\s+(.*)$/;
const NUMBER = /^\s*\d+[.)]\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*?)\s*#*$/;
const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\*([^\s*][^*]*)\*|\[([^\]]+)\]\(([^()\s]+)\)|<(https?:\/\/[^<>\s]+)>/g;

/** `text` as a `<div class="prose">`, or null when there is nothing to say. */
export function markdown(text) {
  if (typeof text !== "string" || !text.trim()) return null;
  return el("div", { class: "prose" }, blocks(text.replace(/\r\n?/g, "\n").split("\n")));
}

function blocks(lines) {
  const out = [];
  let paragraph = [];
  const flush = () => {
    if (paragraph.length) out.push(el("p", {}, inline(paragraph.join("\n"))));
    paragraph = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const item = BULLET.test(line) ? BULLET : NUMBER.test(line) ? NUMBER : null;
    if (FENCE.test(line)) {
      flush();
      const start = ++at;
      while (at < lines.length && !FENCE.test(lines[at])) at++;
      out.push(el("pre", { tabindex: "0" }, lines.slice(start, at).join("\n")));
    } else if (item) {
      flush();
      const items = [];
      for (; at < lines.length && lines[at].trim(); at++) {
        const match = item.exec(lines[at]);
        if (match) items.push(match[1]);
        else items[items.length - 1] += ` ${lines[at].trim()}`; // a wrapped line belongs to its item
      }
      out.push(el(item === BULLET ? "ul" : "ol", {}, items.map((entry) => el("li", {}, inline(entry)))));
    } else if (HEADING.test(line)) {
      flush();
      out.push(el("p", { class: "heading" }, inline(HEADING.exec(line)[1])));
    } else if (line.trim()) paragraph.push(line);
    else flush();
  }
  flush();
  return out;
}

/** One run of text with its inline marks. */
export function inline(text) {
  const out = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, , code, bold, emphasis, label, target, bare] = match;
    out.push(text.slice(end, match.index));
    if (code !== undefined) out.push(el("code", {}, code.trim()));
    else if (bold !== undefined) out.push(el("strong", {}, inline(bold)));
    else if (emphasis !== undefined) out.push(el("em", {}, emphasis));
    else if (bare !== undefined) out.push(link(bare, bare));
    else out.push(link(target, label));
    end = match.index + whole.length;
  }
  out.push(text.slice(end));
  return out;
}
