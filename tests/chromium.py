"""The system's Chromium, driven by Playwright, which downloads no browser of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
EXCESS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""By how many pixels a page is wider than its window."""


@contextmanager
def started() -> Iterator[Browser]:
    """Start the browser; without one that is installed, skip the test."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, *, width: int = 1280, **options: object) -> Iterator[Page]:
    """Open a page; at its end, fail if it asked for anything else or reported an error.

    Args:
        browser: what `started` gave.
        file: the page.
        width: of the window, in CSS pixels.
        options: of Playwright's context, such as `color_scheme="dark"`.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    address, told = file.resolve().as_uri(), []

    def asked(request: Request) -> None:
        if request.url.partition("#")[0] != address and not request.url.startswith("data:"):
            told.append(f"asked for {request.url}")

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            told.append(f"console: {message.text}")

    page = context.new_page()
    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(address)
    try:
        yield page
    finally:
        context.close()
    assert not told, told
