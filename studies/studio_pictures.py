"""Draw the pictures of the studio that the documents show: pages with faces of nobody.

    python studies/studio_pictures.py docs/images

The studio of the run that ships is opened in Chromium (Playwright), and looked at in each tab.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


def show(page, name):
    """Go to a tab."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()


def edit(page):
    """A smile, and somewhat younger."""
    for trait, keys in (("Young", ["PageUp"]), ("Smiling", ["PageUp"] * 3)):
        slider = page.locator(f"#trait-{trait}")
        for key in keys:
            slider.press(key)
        page.wait_for_timeout(900)


def seen(page, path):
    """Keep what the window shows."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(800)
    page.screenshot(path=path, type="jpeg", quality=88)


def main(out):
    """Open the studio and write studio-*.jpg."""
    command = [sys.executable, "-m", "lik", "studio", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    address = server.stdout.readline().strip()
    try:
        with sync_playwright() as playwright:
            path = shutil.which("chromium")
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
            for name, size in (("desk", DESK), ("phone", PHONE)):
                page = browser.new_page(viewport=size, locale="en")
                page.goto(address)
                page.locator("#history li").first.wait_for(timeout=60_000)
                page.wait_for_timeout(3000)
                if name == "phone":
                    page.locator(".phone-tabs").get_by_role("button", name="Traits").click()
                edit(page)
                seen(page, out / f"studio-{name}.jpg")
                if name == "desk":
                    show(page, "Mix")
                    page.locator("#point").press("ArrowRight")
                    page.wait_for_timeout(2000)
                    seen(page, out / "studio-mix.jpg")
                    show(page, "Map")
                    page.wait_for_timeout(8000)
                    seen(page, out / "studio-map.jpg")
            browser.close()
    finally:
        server.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    main(**vars(parser.parse_args()))
