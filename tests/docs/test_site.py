"""The built site: strict, without a warning, without anything from elsewhere, with a search that answers from disk."""

import functools
import importlib
import os
import re
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc\s*=\s*["']?https?:|<link\b[^>]*\bhref\s*=\s*["']?https?:"""
    r"""|@import\s+["']?(?:url\()?["']?https?:|url\(\s*["']?https?:""",
    flags=re.IGNORECASE,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


def test_the_site_is_whole_and_asks_nobody(site):
    """One test, so that the site is built once where tests run side by side."""
    pages = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert len(pages) > 50
    styles = {path.name: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    for name, text in (pages | styles).items():
        assert not FETCHED.findall(text), name
    assert "<math" in pages["methods/importance.html"]
    assert not any('class="arithmatex"' in text for text in pages.values()), "a formula was left as TeX"
    for room in ("heads", "neurons", "patching", "lens", "planted", "figures", "live"):
        for name in importlib.import_module(f"workbench.{room}").__all__:
            assert re.search(rf'id="workbench\.[\w.]+\.{name}"', pages[f"api/{room}.html"]), f"{room}.{name}"


@pytest.fixture
def served(site):
    """The same site from a server of this machine."""
    handler = functools.partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.browser
def test_the_front_page_opens_and_finds(site, served):
    requests, said = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        for place in (site.as_uri(), served):
            page.goto(f"{place}/index.html")
            assert page.locator("h1").inner_text() == "Babel Workbench"
            assert page.locator("article img").first.evaluate("image => image.naturalWidth") > 500
            page.locator("input.md-search__input").click()
            page.keyboard.type("shapley")
            page.locator(".md-search-result__item a").first.click()
            page.wait_for_url("**/shapley.html**")
        browser.close()
    assert said == []
    assert all(url.startswith(("file:", "data:", "blob:", "about:", served)) for url in requests)
