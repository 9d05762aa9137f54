"""The docs page in a real browser: it shows the whole document, sends requests, and lets nothing in or out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from velox.testing import LiveServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

APPS = Path(__file__).parent.parent / "apps"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
OPERATIONS = (
    "list_books",
    "create_book",
    "read_book",
    "delete_book",
    "upload_cover",
    "create_order",
    "watch_orders",
    "read_invoice",
)
VIOLATIONS = """
window.violations = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  violations.push(`${violatedDirective} ${blockedURI}`));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, with playwright to drive it; without them these tests are skipped, except in CI."""
    path = os.environ.get("VELOX_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None or find_spec("playwright") is None:
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop("the docs page needs playwright and a chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def bookshop() -> Iterator[str]:
    """The address of a server with a rich document, made by hand."""
    process = subprocess.Popen([sys.executable, str(APPS / "bookshop.py")], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """``open_page(url, **options)``: a page; afterwards nothing was logged, refused, or sent elsewhere."""
    contexts = []
    complaints: list[str] = []

    def log(kind: str, text: str) -> None:
        # An answer of 4xx is logged by the browser itself, and wanted here.
        if kind in {"error", "warning"} and "Failed to load resource" not in text:
            complaints.append(text)

    def stay(origin: str, url: str) -> None:
        # data: is the icon, blob: a download of what was answered; everything else has to be this server's.
        if not url.startswith((origin, "data:", f"blob:{origin}")):
            complaints.append(url)

    def open_(url: str, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_init_script(VIOLATIONS)
        page = context.new_page()
        page.set_default_timeout(10_000)
        origin = "/".join(url.split("/")[:3])
        page.on("console", lambda message: log(message.type, message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda sent: stay(origin, sent.url))
        page.goto(url)
        page.wait_for_selector("main")
        return page

    yield open_
    violations = [found for context in contexts for page in context.pages for found in page.evaluate("violations")]
    for context in contexts:
        context.close()
    assert violations == []
    assert complaints == []


def operation(page: Page, name: str) -> Locator:
    return page.locator(f'article[id="{name}"]')


def opened(page: Page, name: str) -> Locator:
    """The operation, with its form on the page."""
    found = operation(page, name)
    found.get_by_role("button", name="Try it").click()
    return found


def answer(found: Locator, status: str, text: str) -> None:
    """Send, and wait for that status and that text in the answer."""
    found.get_by_role("button", name="Send").click()
    found.locator(".response .status b", has_text=status).wait_for()
    found.locator(".response", has_text=text).wait_for()


def test_every_operation_is_listed_by_its_tag(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Sidebar and page hold the same operations, in groups, and the title is the API's."""
    page = open_page(f"{bookshop}/docs")
    assert page.title() == "Bookshop"
    assert page.locator("#sidebar section h2").all_inner_texts()[:2] == ["books", "orders"]
    assert page.locator("#sidebar .method").count() == page.locator("article").count() == len(OPERATIONS) + 1
    for name in OPERATIONS:
        assert operation(page, name).count() == 1


def test_an_operation_says_what_it_takes_and_answers(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Constraints, defaults, references, unions, response headers, and the problems in one fold."""
    page = open_page(f"{bookshop}/docs")
    listing = operation(page, "list_books").inner_text()
    assert "1 to 100" in listing
    assert "default 20" in listing
    creation = operation(page, "create_book")
    assert "Authorization: token or key" in creation.inner_text()
    assert "length 1 to 200" in creation.inner_text()
    assert creation.locator(".answer summary", has_text="Problems").inner_text().split() == [
        "Problems", "400", "401", "409", "422",
    ]  # fmt: skip
    page.goto(f"{bookshop}/docs#model-Order")
    order = page.locator('[id="model-Order"]')
    order.get_by_text("Show its fields").click()
    order.get_by_text("told apart by kind").wait_for()


def test_a_recursive_model_opens_as_far_as_one_likes(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Each level is made when it is opened, so there is no end and no hang."""
    page = open_page(f"{bookshop}/docs#model-Tree")
    tree = page.locator('[id="model-Tree"]')
    for level in range(3):
        tree.locator("summary", has_text="Show Tree").nth(level).click()
    tree.locator("summary", has_text="Show Tree").nth(3).wait_for()


def test_try_it_sends_path_query_header_and_cookie(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Values go where their parameter is; lists are repeated; the curl command says the same."""
    page = open_page(f"{bookshop}/docs")
    reading = opened(page, "read_book")
    reading.get_by_label("book_id").fill("7/8")
    reading.get_by_label("fields").select_option("short")
    answer(reading, "200 OK", '"path": "/books/7%2F8"')
    assert "fields=short" in reading.locator(".panel pre").first.inner_text()
    listing = opened(page, "list_books")
    listing.get_by_label("genre").select_option(["novel", "poetry"])
    listing.get_by_label("X-Trace").fill("t-1")
    listing.get_by_label("theme").select_option("fancy")
    answer(listing, "200 OK", '"X-Trace": "t-1"')
    body = listing.locator(".response pre").inner_text()
    assert re.sub(r"\s", "", '"genre": ["novel", "poetry"]') in re.sub(r"\s", "", body)
    assert "theme=fancy" in body
    assert page.evaluate("document.cookie") == ""


def test_try_it_sends_json_with_the_credentials_of_the_dialog(bookshop: str, open_page: Callable[..., Page]) -> None:
    """The body starts as an example, the token comes from the dialog, and the screen never shows it."""
    page = open_page(f"{bookshop}/docs")
    page.get_by_role("button", name="Authorize").click()
    page.get_by_label("Token").fill("s3cret-token")
    page.get_by_role("button", name="Use these").click()
    creation = opened(page, "create_book")
    answer(creation, "201 Created", "The Left Hand of Darkness")
    assert "Bearer s3cret-token" in creation.locator(".response pre").inner_text()
    assert "s3cret-token" not in creation.locator(".panel > pre").first.inner_text()
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"


def test_a_problem_is_shown_with_its_errors(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Wrong values may be sent: the answer is the lesson."""
    page = open_page(f"{bookshop}/docs")
    listing = opened(page, "list_books")
    listing.get_by_label("limit").fill("0")
    answer(listing, "422 Unprocessable", "must be at least 1")
    creation = opened(page, "create_book")
    creation.locator("textarea").fill('{"title": ')
    assert "This is not valid JSON." in creation.inner_text()
    answer(creation, "400 Bad Request", '"status": 400')


def test_try_it_uploads_a_file_and_sends_a_form(bookshop: str, open_page: Callable[..., Page]) -> None:
    """multipart/form-data with a file, and application/x-www-form-urlencoded by choice."""
    page = open_page(f"{bookshop}/docs")
    upload = opened(page, "upload_cover")
    upload.locator("input[type=file]").set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"\0" * 1234}
    )
    upload.get_by_label("caption").fill("@home")
    answer(upload, "200 OK", '"cover": 1234')
    assert "--form-string caption=@home" in upload.locator(".panel > pre").first.inner_text()
    order = opened(page, "create_order")
    order.get_by_label("Media type").select_option("application/x-www-form-urlencoded")
    order.get_by_label("note").fill("a & b")
    answer(order, "200 OK", '"a & b"')


def test_a_stream_is_shown_as_it_arrives(bookshop: str, open_page: Callable[..., Page]) -> None:
    """The first event is on the screen while the server still holds the second back."""
    page = open_page(f"{bookshop}/docs")
    watching = opened(page, "watch_orders")
    answer(watching, "200 OK", "data: order 1")
    assert "data: order 2" not in watching.inner_text()
    assert watching.get_by_role("button", name="Stop").is_visible()
    page.request.get(f"{bookshop}/orders/release")
    watching.locator(".response", has_text="The stream has ended.").wait_for()
    assert "data: order 2" in watching.inner_text()


def test_a_binary_answer_can_be_downloaded(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Bytes that are no text are offered as a file."""
    page = open_page(f"{bookshop}/docs")
    invoice = opened(page, "read_invoice")
    answer(invoice, "200 OK", "Download 19 B")
    with page.expect_download() as download:
        invoice.get_by_text("Download 19 B").click()
    assert download.value.path().read_bytes() == b"%PDF-1.7 not really"


def test_a_hostile_document_stays_text(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Markup in any of the document's strings is read, not run, and no link leads to a script."""
    page = open_page(f"{bookshop}/docs")
    page.get_by_role("button", name="Try it").last.click()
    assert page.evaluate("window.pwned") is None
    assert page.locator("#app :is(img, script, iframe, svg, b[onclick])").count() == 0
    targets = page.locator("#app a").evaluate_all("links => links.map((link) => new URL(link.href).protocol)")
    assert set(targets) <= {"http:", "https:"}
    # The shell's quoting, as the shell sees it: the words of the command are the URL's own and no others.
    command = page.locator(".panel > pre").nth(-2).inner_text()
    assert "`id`" not in command.replace("%60id%60", "")


def test_the_page_is_usable_with_the_keyboard_alone(bookshop: str, open_page: Callable[..., Page]) -> None:
    """A slash filters, Enter goes there, Tab reaches "Try it", Ctrl+Enter sends."""
    page = open_page(f"{bookshop}/docs")
    page.keyboard.press("/")
    page.keyboard.type("read book")
    assert page.locator("article:visible").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_url("**/docs#read_book")
    page.locator("article#read_book:focus").wait_for()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Try it":
            break
    page.keyboard.press("Enter")
    page.keyboard.press("Control+Enter")
    operation(page, "read_book").locator(".status b", has_text="200 OK").wait_for()
    page.locator("#filter").focus()
    page.keyboard.press("Escape")
    assert page.locator("article:visible").count() == len(OPERATIONS) + 1
    page.keyboard.press("ArrowDown")
    assert "List books" in page.evaluate("document.activeElement.textContent")


def test_the_theme_follows_the_system_until_it_is_chosen(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Dark systems get a dark page; the choice outlives a reload."""
    page = open_page(f"{bookshop}/docs", color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Theme: auto").click()
    light = page.evaluate(colour)
    assert light != dark
    page.reload()
    page.wait_for_selector("main")
    assert page.evaluate(colour) == light


def test_a_phone_scrolls_in_one_direction_only(bookshop: str, open_page: Callable[..., Page]) -> None:
    """Nothing is wider than the screen, and the menu opens the list of operations."""
    page = open_page(f"{bookshop}/docs", viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="Menu").click()
    page.locator("#sidebar").get_by_text("Place an order").click()
    page.wait_for_url("**/docs#create_order")
    assert not page.locator("#sidebar").is_visible()


def test_a_document_that_cannot_be_loaded_is_explained(bookshop: str, open_page: Callable[..., Page]) -> None:
    """The page says what the server answered and where the document should be."""
    page = open_page(f"{bookshop}/broken")
    text = page.get_by_role("alert").inner_text()
    assert "The server answered 404" in text
    assert "/missing.json" in text


def test_a_real_app_can_be_tried(open_page: Callable[..., Page], tmp_path: Path) -> None:
    """The page that Velox serves lists each operation of the document that Velox wrote, and gets an answer."""
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}", "VELOX_CREATE_TABLES": "true"}
    with LiveServer("counting:create_app", directory=APPS, environment=environment) as server:
        page = open_page(f"{server.url}/docs")
        document = page.request.get(f"{server.url}/openapi.json").json()
        written = [path for path, item in document["paths"].items() for method in item if method != "parameters"]
        assert page.locator("article").count() == len(written)
        creation = page.locator("article").filter(has=page.locator(".path", has_text="POST")).first
        creation.get_by_role("button", name="Try it").click()
        creation.get_by_label("name").fill("visits")
        answer(creation, "201 Created", '"visits"')
        reading = page.locator("article").filter(has=page.locator(".path", has_text="GET"))
        reading = reading.filter(has=page.locator(".path code", has_text=re.compile(r"^/counters/\{name\}$")))
        reading.get_by_role("button", name="Try it").click()
        reading.get_by_label("name").fill("nobody")
        answer(reading, "404 Not Found", '"status": 404')


def test_each_way_in_of_accounts_opens_a_guarded_route(open_page: Callable[..., Page], tmp_path: Path) -> None:
    """A token or a key goes into the dialog; who signs in on the page has its cookie, and needs no CSRF token there.

    Each way has a browser's context of its own, so that none is let in by another's cookie.
    """
    environment = {"VELOX_DATABASE_URL": f"sqlite:///{tmp_path / 'test.db'}", "VELOX_CREATE_TABLES": "true"}
    person = {"email": "ada@example.org", "password": "correct horse battery"}
    with LiveServer("guarded:create_app", directory=APPS, environment=environment) as server:
        with httpx.Client(base_url=server.url) as client:
            assert client.post("/auth/register", json=person).status_code == 202
            token = client.post("/auth/login", json=person).json()["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            key = client.post("/auth/keys", json={"name": "docs"}, headers=bearer).json()["key"]
        for way, secret in {"bearer": token, "apiKey": key, "session": ""}.items():
            page = open_page(f"{server.url}/docs")
            door = opened(page, "door")
            answer(door, "401 Unauthorized", '"status": 401')
            if secret:
                page.get_by_role("button", name="Authorize").click()
                page.get_by_role("group", name=way).locator("input").fill(secret)
                page.get_by_role("button", name="Use these").click()
            else:
                is_session = page.locator(".path code", has_text=re.compile("^/auth/session$"))
                session = page.locator("article").filter(has=is_session)
                session.get_by_role("button", name="Try it").click()
                session.locator("textarea").fill(json.dumps(person))
                answer(session, "200 OK", "csrf_token")
            answer(door, "200 OK", "come in, ada@example.org")
