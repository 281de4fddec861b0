"""Where Chromium is, how it starts, and the windows in which pages are opened."""

from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WINDOWS = {"desktop": (1440, 900), "tablet": (900, 1000), "phone": (390, 844)}
