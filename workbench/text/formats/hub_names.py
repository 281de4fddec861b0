"""Data sets of the Hugging Face hub by name, and local folders that are laid out as those are."""

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
        configs: its parts that are read; several are a language each.
        split: which of its splits; None leaves it open.
    """

    repository: str
    configs: tuple[str, ...]
    split: str | None


def parsed(name: str) -> HubName:
    """Take `hf:owner/name:config+config:split` apart; configs and split may be left out.

    Raises:
        BadArgument: it is not spelled so.
    """
    repository, *rest = name.removeprefix(PREFIX).split(":")
    configs = tuple(rest[0].split("+")) if rest and rest[0] else ()
    if not repository.strip() or len(rest) > 2 or not all(configs) or len(set(configs)) < len(configs):
        raise BadArgument(f"{shown(name)} is no data set of the hub; write {SPELLING}")
    return HubName(repository, configs, rest[1] or None if len(rest) > 1 else None)


def hub_corpus(name: str, languages: Languages, columns: Columns, split: str | None) -> tuple[Corpus, bool]:
    """Load a data set of the hub, and read it as one in memory is read: by language where its configs are languages.

    The library `datasets` is loaded when this is first called. Code of the repository is never run.

    Returns:
        The corpus, and whether a split of the data set was chosen.

    Raises:
        BadArgument: a name that is not spelled so, or two splits.
        BadCorpus: the data set cannot be loaded, or has several configs and none is named; says why.
        UnknownLanguage: one of several configs is called by no language.
    """
    asked = parsed(name)
    if split is not None and asked.split not in (None, split):
        raise BadArgument(f"split={split!r}, but {name} says {asked.split!r}; say it once")
    split = split or asked.split
    unknown = [config for config in asked.configs if not listed(config)]
    if len(asked.configs) > 1 and unknown:
        raise UnknownLanguage(f"{name}: several configs are read as a language each, and {unknown[0]!r} is none")
    if asked.configs and not unknown:
        parts = {config: _splits(name, asked.repository, config) for config in asked.configs}
    else:
        parts = _splits(name, asked.repository, *asked.configs)
    corpus, own = mapping_corpus(parts, languages, columns, split)
    return replace(corpus, source=name), own


def _splits(name: str, repository: str, config: str | None = None) -> Any:
    """Every split of a data set, by name."""
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
    except Exception as problem:  # whatever the hub, the network and the readers of its formats raise
        reason = " ".join(str(problem).split())[:200] or type(problem).__name__
        raise BadCorpus(f"cannot load the data set {name}: {reason}") from problem
