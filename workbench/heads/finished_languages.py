"""Finished languages: what to say of a stopped analysis that goes language by language."""

from collections.abc import Callable, Iterable, Sequence


def in_words(languages: Sequence[str], finished: Callable[[], Iterable[bool]]) -> str:
    """Which languages are finished now."""
    done = [code for code, whole in zip(languages, finished(), strict=True) if whole]
    return (
        f"interrupted; finished languages: {', '.join(done) or 'none'} of {len(languages)}; the others are NaN in "
        ".partial"
    )
