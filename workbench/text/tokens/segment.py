"""Words of a text: split at spaces, or by a segmenter in languages that write none between words."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

from workbench.errors import MissingExtra
from workbench.text.languages import check, known

Segmenter = Callable[[str], Sequence[str]]
"""A text to its words."""
Segmenters = Mapping[str, Segmenter]
"""Language code, in any spelling, to the segmenter of its texts; that of zh is also that of zh-Hant."""
UNSPACED = ("zh", "ja", "th", "lo", "km", "my", "bo", "dz", "yue")  # languages written without spaces between words


def words(text: str, language: str, segment: Segmenters | None = None) -> list[str] | None:
    """The words of a text; None in a language without spaces that has no segmenter."""
    base = language.split("-")[0]
    own = {check(code) if known(code) else code: function for code, function in (segment or {}).items()}
    chosen = own.get(language) or own.get(base)
    if chosen is not None:
        return [word for word in chosen(text) if word.strip()]
    return None if base in UNSPACED else text.split()


@cache
def segmenters() -> dict[str, Segmenter]:
    """Segmenters of Chinese (jieba) and Japanese (fugashi with unidic-lite), by language code.

    Raises:
        MissingExtra: the extra `segment` is not installed.
    """
    try:
        import fugashi  # pyright: ignore[reportMissingImports]
        import jieba  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        message = f"{error.name} is not installed: pip install babel-workbench[segment]"
        raise MissingExtra(message) from None
    jieba.setLogLevel("WARNING")  # it reports the building of its dictionary
    japanese = fugashi.Tagger()
    return {"zh": jieba.lcut, "ja": lambda text: [word.surface for word in japanese(text)]}
