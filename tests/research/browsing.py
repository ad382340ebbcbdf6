"""A headless Chromium for tests that look at a page; without one they are skipped, unless it was promised."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip


@contextmanager
def a_browser(folder: Path, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """Yield a driver of a fresh browser whose data lies in `folder`; close it afterwards."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    chauffeur = shutil.which("chromedriver")
    if not browser or not chauffeur:
        missing = "no chromium and chromedriver on the path"
        if os.environ.get("CI") or os.environ.get("TRIFECTA_BROWSER") == "1":
            pytest.fail(f"{missing}, though CI or TRIFECTA_BROWSER says that there is one")
        pytest.skip(missing)
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(chauffeur))
    try:
        yield driver
    finally:
        driver.quit()


def resize(driver: Any, width: int, height: int = 900, *, dark: bool = False) -> None:
    """Give the page this width, and the reader this taste; wait until the page has drawn for it."""
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def take_screenshot(driver: Any, path: Path) -> Path:
    """Write a picture of the whole page."""
    from base64 import b64decode

    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True})
    path.write_bytes(b64decode(shot["data"]))
    return path
