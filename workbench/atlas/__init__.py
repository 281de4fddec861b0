"""The atlas: what studies of several models say, and how the models compare."""

from typing import TYPE_CHECKING

from workbench.lazy import lazily

_NAMES = {"across": "workbench.atlas.across"}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)

if TYPE_CHECKING:
    from workbench.atlas import across  # noqa: F401
