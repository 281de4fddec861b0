"""Pictures of figures, drawn by Chromium through kaleido, which is an extra."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from workbench.errors import BadArgument


def draw(
    figures: Sequence[tuple[go.Figure, float, float]], kind: str, *, scale: float = 1, instead: str
) -> list[bytes]:
    """Draw figures as they are, in one browser.

    Args:
        figures: Each with its width and height in pixels of a page, 96 an inch.
        kind: `png`, `svg` or `pdf`.
        scale: Pixels of a PNG for each of the page's.
        instead: An alternative that needs no pictures, for the error.

    Returns:
        A file's content for each.

    Raises:
        BadArgument: Kaleido or a Chromium is not installed.
    """
    try:
        import kaleido

        from workbench.figures.printing.offline import OfflineChromium
    except ImportError:
        raise BadArgument(
            "pictures are drawn by kaleido, which is not installed; pip install 'babel-workbench[docs]' brings it, "
            f"and {instead} needs no pictures"
        ) from None
    with tempfile.TemporaryDirectory() as folder:
        wanted: list[Any] = [
            {
                "fig": figure,
                "path": Path(folder) / f"{number}.{kind}",
                "opts": {"format": kind, "width": width, "height": height, "scale": scale},
            }
            for number, (figure, width, height) in enumerate(figures)
        ]
        try:
            # MathJax would come from the network
            kaleido.write_fig_from_object_sync(wanted, kopts={"mathjax": False, "browser_cls": OfflineChromium})
        except Exception as error:
            raise BadArgument(
                f"pictures are drawn by Chromium or Chrome, and it did not start ({type(error).__name__}); "
                f"apt-get install chromium brings it, and {instead} needs no pictures"
            ) from error
        return [spec["path"].read_bytes() for spec in wanted]
