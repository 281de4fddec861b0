"""The languages that a laboratory can train, before its base is read."""

from collections.abc import Mapping
from typing import Any

from workbench.text.readers import load_corpus
from workbench.text.words import load_words


def languages(materials: Mapping[str, Any]) -> list[str]:
    """Languages that both words and corpus have, as `run` reads them.

    Args:
        materials: `words`, `corpus` and `languages` of `run`, where they are not left as they are.
    """
    requested = materials.get("languages")
    texts = load_corpus(materials.get("corpus", "parallel"), languages=requested)
    words = load_words(materials.get("words", "words"), languages=requested)
    return [code for code in texts.languages if code in words.columns]
