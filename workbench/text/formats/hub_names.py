"""Data sets of the Hugging Face hub by name, and local folders with the same layout."""

from dataclasses import dataclass, replace
from typing import Any

from workbench.arguments import shown
from workbench.errors import BadArgument, BadCorpus, UnknownLanguage
from workbench.text.corpus import Corpus
from workbench.text.display.naming import shortened
from workbench.text.formats.hub import Columns, Languages, mapping_corpus
from workbench.text.languages import listed

PREFIX = "hf:"
SPELLING = "hf:owner/name, hf:owner/name:config+config or hf:owner/name:config+config:split"


@dataclass(frozen=True)
class HubName:
    """A data set of the hub.

    Attributes:
        repository: `owner/name`, or a local folder.
        configs: the configs to read; if several, each is a language.
        split: the split; None if not given.
    """

    repository: str
    configs: tuple[str, ...]
    split: str | None


def parsed(name: str) -> HubName:
    """Parse `hf:owner/name:config+config:split`; configs and split are optional.

    Raises:
        BadArgument: malformed.
    """
    repository, *rest = name.removeprefix(PREFIX).split(":")
    configs = tuple(rest[0].split("+")) if rest and rest[0] else ()
    if not repository.strip() or len(rest) > 2 or not all(configs) or len(set(configs)) < len(configs):
        raise BadArgument(f"{shown(name)} is no data set of the hub; write {SPELLING}")
    return HubName(repository, configs, rest[1] or None if len(rest) > 1 else None)


def hub_corpus(name: str, languages: Languages, columns: Columns, split: str | None) -> tuple[Corpus, bool]:
    """Load a data set of the hub; if its configs are languages, one language per config.

    The library `datasets` is imported at the first call. Code of the repository is never run.

    Returns:
        The corpus, and whether `split` selected a split of the data set.

    Raises:
        BadArgument: a malformed name, or two splits.
        BadCorpus: the data set cannot be loaded, or has several configs and none is named; gives the reason.
        UnknownLanguage: one of several configs is not a language.
    """
    data_set = parsed(name)
    if split is not None and data_set.split not in (None, split):
        raise BadArgument(f"split={split!r}, but {name} says {data_set.split!r}; give it once")
    split = split or data_set.split
    unknown = [config for config in data_set.configs if not listed(config)]
    if len(data_set.configs) > 1 and unknown:
        raise UnknownLanguage(f"{name}: several configs are read as one language each, and {unknown[0]!r} is none")
    if data_set.configs and not unknown:
        parts = {config: _splits(name, data_set.repository, config) for config in data_set.configs}
    else:
        parts = _splits(name, data_set.repository, *data_set.configs)
    corpus, own = mapping_corpus(parts, languages, columns, split)
    return replace(corpus, source=name), own


def _splits(name: str, repository: str, config: str | None = None) -> Any:
    """All splits of a data set, by name."""
    try:
        import datasets
    except ImportError as problem:
        raise BadCorpus(f"{name} needs the library datasets: pip install 'babel-workbench[datasets]'") from problem
    try:
        configs = datasets.get_dataset_config_names(repository)
        if config is None and len(configs) > 1:
            example = f"{PREFIX}{repository}:{'+'.join(configs[:2])}"
            raise BadCorpus(f"{name} has the configs {shortened(configs)}; name some, such as {example}")
        if config is not None and config not in configs:
            raise BadCorpus(f"{name}: there is no config {config!r} (has: {shortened(configs)})")
        return datasets.load_dataset(repository, config)
    except BadCorpus:
        raise
    except Exception as problem:  # the hub, the network and the format readers raise many types
        reason = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise BadCorpus(f"cannot load the data set {name}: {reason}") from problem
