"""The gallery lists the pictures that the pages show."""

import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_it_has_the_pictures_of_every_page():
    sys.path.insert(0, str(DOCS))
    try:
        import gallery
    finally:
        sys.path.remove(str(DOCS))
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == gallery.gallery(), "run make gallery"
