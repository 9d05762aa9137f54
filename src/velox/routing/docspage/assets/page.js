// The page around the operations: title, sidebar with its filter, theme, and links to single operations.
import { authorizeButton } from "./auth.js";
import { el } from "./dom.js";
import { markdown } from "./markdown.js";
import { badge, operationView } from "./operation.js";
import { modelIndex } from "./schemaview.js";

const THEMES = ["auto", "light", "dark"];
const THEME_KEY = "velox-docs theme";

/** Everything inside `<div id="app">`. */
export function pageView(context, operations) {
  const groups = groupByTag(context.document, operations);
  const links = [];
  const sidebar = sidebarView(context, groups, links);
  const main = el("main", { id: "content", tabindex: "-1" }, introduction(context), groups.map((group) => groupView(context, group)), modelsView(context));
  connectFilter(sidebar, main, links);
  followScrolling(main, links);
  return [topbar(context, sidebar), el("div", { class: "layout" }, sidebar, main)];
}

/** Tags in the document's order, then those which only operations name. */
function groupByTag(document, operations) {
  const described = new Map((document.tags ?? []).map((tag) => [tag.name, tag]));
  const names = [...new Set([...described.keys(), ...operations.map(({ tags }) => tags[0])])];
  return names
    .map((name) => ({ name, description: described.get(name)?.description, operations: operations.filter(({ tags }) => tags[0] === name) }))
    .filter((group) => group.operations.length);
}

function topbar({ document, openapiUrl, credentials }, sidebar) {
  const menu = el("button", { type: "button", class: "quiet menu", "aria-expanded": "false", "aria-controls": "sidebar" }, "Menu");
  const toggle = (open) => {
    sidebar.classList.toggle("open", open);
    menu.setAttribute("aria-expanded", String(open));
  };
  menu.addEventListener("click", () => toggle(!sidebar.classList.contains("open")));
  sidebar.addEventListener("click", (event) => event.target.closest("a") && toggle(false));
  const title = document.info?.title ?? "API";
  return el(
    "header",
    { class: "topbar" },
    menu,
    el("a", { class: "brand", href: "#" }, title, el("span", { class: "version" }, document.info?.version ?? "")),
    el("span", { class: "grow" }),
    el("a", { class: "button quiet", href: openapiUrl }, "openapi.json"),
    themeButton(),
    authorizeButton(credentials),
  );
}

function themeButton() {
  const button = el("button", { type: "button", class: "quiet theme" });
  const apply = (theme) => {
    document.documentElement.dataset.theme = theme;
    button.textContent = { auto: "Auto", light: "Light", dark: "Dark" }[theme];
    button.setAttribute("aria-label", `Theme: ${theme}. Change it.`);
  };
  const stored = () => {
    try {
      return THEMES.find((theme) => theme === localStorage.getItem(THEME_KEY)) ?? "auto";
    } catch {
      return "auto"; // storage forbidden
    }
  };
  button.addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    apply(next);
    try {
      localStorage.setItem(THEME_KEY, next);
    } catch {
      // storage forbidden: it lasts until the page is left
    }
  });
  apply(stored());
  return button;
}

function introduction({ document, notice }) {
  const { title = "API", summary, description, version, license, contact } = document.info ?? {};
  const facts = [version && `Version ${version}`, license?.name, contact?.name ?? contact?.email].filter(Boolean).join(" · ");
  return el(
    "section",
    { class: "intro" },
    el("h1", {}, title),
    el("p", { class: "hint" }, facts),
    summary && el("p", { class: "lead" }, summary),
    markdown(description),
    notice && el("p", { class: "notice", role: "note" }, notice),
  );
}

function groupView(context, { name, description, operations }) {
  const heading = el("h2", {}, name);
  return el("section", { class: "group" }, heading, markdown(description), operations.map((one) => operationView(context, one)));
}

function modelsView({ schemas, document }) {
  const models = modelIndex(schemas, document.components?.schemas ?? {});
  return models.length ? el("section", { class: "group models", id: "models" }, el("h2", {}, "Models"), models) : null;
}

function sidebarView({ document }, groups, links) {
  const filter = el("input", { type: "search", id: "filter", placeholder: "Filter", "aria-label": "Filter operations", autocomplete: "off", spellcheck: "false" });
  const lists = groups.map((group) => {
    const items = group.operations.map((operation) => {
      const text = el("span", { class: operation.deprecated ? "gone" : null }, operation.title);
      const item = el("a", { href: `#${encodeURIComponent(operation.id)}`, title: `${operation.method.toUpperCase()} ${operation.path}` }, badge(operation.method), text);
      links.push({ id: operation.id, item, words: [operation.method, operation.path, operation.title, operation.id, ...operation.tags].join(" ").toLowerCase() });
      return el("li", {}, item);
    });
    return el("section", {}, el("h2", {}, group.name), el("ul", {}, items));
  });
  const models = Object.keys(document.components?.schemas ?? {}).length ? el("section", {}, el("ul", {}, el("li", {}, el("a", { href: "#models" }, "Models")))) : null;
  const none = el("p", { class: "hint none", role: "status", hidden: true }, "No operation matches.");
  return el("nav", { id: "sidebar", "aria-label": "Operations" }, el("div", { class: "search" }, filter, el("kbd", { "aria-hidden": "true" }, "/")), none, lists, models);
}

/** Typing hides what does not match, in the sidebar and in the page; Enter goes to the first, arrows walk, "/" starts. */
function connectFilter(sidebar, main, links) {
  const input = sidebar.querySelector("#filter");
  const shown = () => links.filter(({ item }) => !item.parentNode.hidden);
  const apply = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const articles = new Map([...main.querySelectorAll(".operation")].map((article) => [article.id, article]));
    for (const link of links) {
      const hidden = !words.every((word) => link.words.includes(word));
      link.item.parentNode.hidden = hidden;
      articles.get(link.id).hidden = hidden;
    }
    for (const group of [...main.querySelectorAll(".group:not(.models)"), ...sidebar.querySelectorAll("section:has(h2)")])
      group.hidden = !group.querySelector(".operation:not([hidden]), li:not([hidden]) a");
    main.querySelector(".intro").hidden = words.length > 0;
    sidebar.querySelector(".none").hidden = shown().length > 0;
  };
  input.addEventListener("input", apply);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") shown()[0]?.item.click();
    if (event.key === "Escape") {
      input.value = "";
      apply();
    }
  });
  sidebar.addEventListener("keydown", (event) => walk(event, [input, ...shown().map(({ item }) => item)]));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
    event.preventDefault();
    sidebar.classList.add("open");
    input.focus();
    input.select();
  });
}

function walk(event, stops) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const next = stops[stops.indexOf(document.activeElement) + step];
  if (!step || !next) return;
  event.preventDefault();
  next.focus();
}

/** Marks the operation being read in the sidebar. */
function followScrolling(main, links) {
  const byId = new Map(links.map(({ id, item }) => [id, item]));
  const observer = new IntersectionObserver(
    (entries) => {
      const visible = entries.filter((entry) => entry.isIntersecting).at(-1);
      if (!visible) return;
      links.forEach(({ item }) => item.removeAttribute("aria-current"));
      const item = byId.get(visible.target.id);
      item.setAttribute("aria-current", "true");
      item.scrollIntoView({ block: "nearest" });
    },
    { rootMargin: "-15% 0px -75% 0px" },
  );
  main.querySelectorAll(".operation").forEach((article) => observer.observe(article));
}

/** Goes to what the address names: an operation, or a model, which is opened. */
export function followAddress() {
  let id;
  try {
    id = decodeURIComponent(location.hash.slice(1));
  } catch {
    return; // not an address of ours
  }
  const target = id && document.getElementById(id);
  if (!target) return;
  const model = target.tagName === "DETAILS";
  if (model) {
    target.ensure();
    target.open = true;
  }
  target.scrollIntoView();
  (model ? target.querySelector("summary") : target).focus({ preventScroll: true });
}
