"""Make the README picture: the exact ablation of every head of the shipped model, as PNG through Chromium."""

from pathlib import Path

from playwright.sync_api import sync_playwright

import workbench as wb

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Ablate, draw, photograph."""
    result = wb.heads.ablate(wb.load_model(), wb.load_corpus(limit=32))
    figure = wb.figures.heatmap(result, "delta")
    page_file = HERE / "heads.html"
    figure.write_html(page_file, include_plotlyjs=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--headless", "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 900}, device_scale_factor=1.5)
        page.goto(page_file.as_uri())
        page.wait_for_selector(".main-svg")
        page.locator(".plotly-graph-div").screenshot(path=HERE / "heads.png")
        browser.close()
    page_file.unlink()


if __name__ == "__main__":
    main()
