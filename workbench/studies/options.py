"""How a study opens its model and its texts by its options, and what its numbers depend on."""

from collections.abc import Sequence
from typing import Any

from workbench.errors import BadArgument, TooFewLanguages
from workbench.model.load import load_model
from workbench.model.model import Model
from workbench.options import DEFAULTS, UNSAFE, Options
from workbench.text.corpus import Corpus
from workbench.text.readers import load_corpus

__all__ = ["DEFAULTS", "Options", "at_least_two", "common_key", "open_model", "open_texts", "refuse_chat"]


def open_model(model: Any, options: Options) -> Model:
    """Load a model with these options; a Model passes through."""
    if isinstance(model, Model):
        return model
    how = {name: getattr(options, name) for name in ("device", "dtype", "device_map", "memory", *UNSAFE)}
    return load_model(model, **how)


def open_texts(
    corpus: Any,
    options: Options,
    *,
    languages: str | Sequence[str] | None = None,
    limit: int | None = None,
    alone: bool = False,
) -> Corpus:
    """Load texts with these options, of these languages (all when there are none).

    Raises:
        TooFewLanguages: one language, unless it may be alone.
    """
    how = {"chat": options.chat, "deduplicate": options.deduplicate, "columns": options.columns}
    texts = load_corpus(corpus, languages=languages or None, limit=limit, **how)
    return texts if alone else at_least_two(texts)


def at_least_two(corpus: Corpus) -> Corpus:
    """Refuse a comparison of languages with fewer than two, before anything is computed.

    Raises:
        TooFewLanguages: names the language that is there.
    """
    if len(corpus.languages) < 2:
        raise TooFewLanguages(
            f"this study compares languages and needs at least two; {corpus.source} gives {', '.join(corpus.languages)}"
        )
    return corpus


def refuse_chat(options: Options, what: str) -> None:
    """Refuse a chat in a study that has none.

    Raises:
        BadArgument: `options.chat` is set.
    """
    if options.chat:
        raise BadArgument(f"{what} cannot go through a chat template yet; leave chat out")


def common_key(model: Model, options: Options, corpus: Corpus | None = None) -> dict[str, Any]:
    """What the numbers of all cells of a study depend on."""
    info = model.info
    about = {name: info[name] for name in ("name", "hash", "dtype", "device")}
    if info["chat_template"]:
        about["chat_template"] = info["chat_template"]
    texts = None if corpus is None else {**corpus.info, "order": list(corpus.languages)}
    return {"model": about, "corpus": texts, "seed": options.seed, "truncate": options.truncate}
