"""Open a built report in a headless Chromium and check what a reader would meet.

Usage: python .ci/check_page.py build/report.html [--pictures FOLDER]

The page has to ask for nothing outside itself, to report no error, to draw every picture and
formula, to name every picture, and to need no sideways scrolling at 390, 768 and 1280 pixels. With
`--pictures`, the page is also kept as PNG: light, dark and at the width of a phone.
"""

import argparse
import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tornado.websocket import WebSocketClientConnection, websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
LOOK = """(async () => {
  const images = [...document.images];
  await Promise.all(images.map(image => image.decode().catch(() => null)));
  const formulas = [...document.querySelectorAll('[role=img] svg')]
    .filter(e => e.checkVisibility());
  const anchors = [...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href'));
  return JSON.stringify({
    images: images.length,
    undrawn: images.filter(image => !image.complete || !image.naturalWidth).length,
    unnamed: images.filter(image => !image.alt.trim()).length,
    formulas: formulas.length,
    empty: formulas.filter(e => !e.getBoundingClientRect().width || !e.querySelector('use, path')
      || [...e.querySelectorAll('use')].some(u =>
        !document.getElementById(u.getAttribute('href').slice(1)))).length,
    lost: anchors.filter(a => !document.getElementById(a.slice(1))),
    resources: performance.getEntriesByType('resource')
      .map(entry => entry.name).filter(name => !name.startsWith('data:')),
  });
})()"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Page:
    """One page of a browser, spoken to in the browser's debugging protocol."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.count = 0
        self.events: list[dict] = []

    async def call(self, method: str, **parameters: object) -> dict:
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        await self.connection.write_message(json.dumps(message))
        while True:
            answer = await self._next()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']['message']}")
                return answer["result"]

    async def wait(self, event: str) -> None:
        while not any(entry["method"] == event for entry in self.events):
            await self._next()

    async def value(self, expression: str) -> object:
        result = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        return result["result"].get("value")

    async def _next(self) -> dict:
        text = await asyncio.wait_for(self.connection.read_message(), timeout=60)
        if text is None:
            raise SystemExit("The browser closed the connection.")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


async def inspect(address: str, port: int, target: str, pictures: Path | None) -> list[str]:
    """Return what is wrong with the page at `address`."""
    connection = await websocket_connect(
        f"ws://127.0.0.1:{port}/devtools/page/{target}", max_message_size=2**28
    )
    page = Page(connection)
    for domain in ("Page", "Network", "Runtime", "Log"):
        await page.call(f"{domain}.enable")
    await page.call("Page.navigate", url=address)
    await page.wait("Page.loadEventFired")
    problems = []
    for width in (390, 768, 1280):
        await resize(page, width, 900)
        if excess := await page.value(OVERFLOW):
            problems.append(f"at {width} pixels the page is {excess} pixels too wide")
    found = json.loads(str(await page.value(LOOK)))
    print(f"{found['images']} pictures, {found['formulas']} formulas")
    for name, wrong in (
        ("pictures not drawn", found["undrawn"]),
        ("pictures without alternative text", found["unnamed"]),
        ("formulas not drawn", found["empty"]),
        ("links to nothing", found["lost"]),
        ("resources", found["resources"]),
    ):
        if wrong:
            problems.append(f"{name}: {wrong}")
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for name, width, scheme in (
            ("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light"),
        ):  # fmt: skip
            await picture(page, pictures / f"{name}.png", width, scheme)
    for event in page.events:
        problems += told(event, address)
    return problems


def told(event: dict, address: str) -> list[str]:
    """Return what an event of the browser tells about a problem."""
    method, details = event["method"], event["params"]
    if method == "Network.requestWillBeSent":
        url = details["request"]["url"]
        if url != address and not url.startswith("data:"):
            return [f"asked for {url}"]
    if method == "Runtime.exceptionThrown":
        return [details["exceptionDetails"]["text"]]
    if method == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
        return [details["entry"]["text"]]
    if method == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
        return [f"console: {details['args']}"]
    return []


async def resize(page: Page, width: int, height: int) -> None:
    await page.call(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
    )  # fmt: skip


async def picture(page: Page, target: Path, width: int, scheme: str) -> None:
    """Keep the whole page as PNG, in pieces of at most 4,000 pixels."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    await page.call("Emulation.setEmulatedMedia", features=[feature])
    await resize(page, width, 1000)
    height = int(str(await page.value("document.documentElement.scrollHeight")))
    for part, top in enumerate(range(0, height, 4000)):
        clip = {"x": 0, "y": top, "width": width, "height": min(4000, height - top), "scale": 1}
        result = await page.call(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        content = base64.b64decode(result["data"])
        target.with_stem(f"{target.stem}-{part + 1}").write_bytes(content)


async def browse(file: Path, pictures: Path | None) -> list[str]:
    """Start a browser, inspect the page in it, and end the browser."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        raise SystemExit(f"Expected one of {', '.join(NAMES)} to be installed, found none.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={folder}",
            "--disable-background-networking", "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = await port_of(Path(folder) / "DevToolsActivePort")
            target = await first_page(port)
            return await inspect(file.resolve().as_uri(), port, target, pictures)
        finally:
            process.terminate()
            process.wait(timeout=30)


async def port_of(file: Path) -> int:
    for _ in range(300):
        if file.is_file() and (lines := file.read_text().split()):
            return int(lines[0])
        await asyncio.sleep(0.1)
    raise SystemExit("The browser did not start within 30 seconds.")


async def first_page(port: int) -> str:
    from tornado.httpclient import AsyncHTTPClient

    answer = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
    return next(entry["id"] for entry in json.loads(answer.body) if entry["type"] == "page")


def main() -> None:
    """Check the page named on the command line; end with 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    if not arguments.page.is_file():
        sys.exit(f"Expected a built page, found no file {arguments.page}: run make report first.")
    problems = asyncio.run(browse(arguments.page, arguments.pictures))
    for problem in problems:
        print(f"wrong: {problem}")
    print("The page is in order." if not problems else f"{len(problems)} problems")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
