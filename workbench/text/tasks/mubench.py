"""Files of MuBench: task, mode and language stand in the name, {Name}Dataset_{mode}_{language}."""

import re
from pathlib import Path
from typing import Any

from workbench.errors import BadTask
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import bare, kind
from workbench.text.formats.names import Named, by_language
from workbench.text.languages import check, known

_NAME = re.compile(
    r"(?P<name>\w+?Dataset_(?:en_template|local_template|lighteval|mix_\d+|mix_lighteval_\d+))_"
    r"(?P<language>[A-Za-z]{2,3}(?:[-_][A-Za-z]+)?)"
)
_ENDINGS = (".json", ".jsonl", ".parquet")


def mubench_files(path: Path, languages: Any = None, split: str | None = None) -> tuple[str, dict[str, Path]]:
    """The name of one task in one mode, and language to file; empty where no name is one of MuBench's.

    Modes are en_template, local_template, lighteval (cloze), mix_N and mix_lighteval_N (N foreign languages at most).

    Args:
        path: a file, the folder of a configuration, or a folder of either.
        languages: requested ones.
        split: a task and mode, a mode, or any part of a name, where a folder has several.

    Raises:
        BadTask: several tasks or modes, none that `split` names, or a configuration of several files.
        BadCorpus: two files of one language.
    """
    configs = list(filter(None, [_config(path)] if _match(path) else map(_config, _entries(path))))
    chosen = configs
    if split is not None:
        exact = [config for config in configs if split in (config.stem, config.stem.partition("Dataset_")[2])]
        chosen = exact or [config for config in configs if split in f"{config.stem}_{config.language}"]
    if configs and len({config.stem for config in chosen}) != 1:
        names = shortened(list(dict.fromkeys(config.stem for config in configs)))
        raise BadTask(f"{path} has the tasks and modes {names}; name one with split=, or give the path of one file")
    return chosen[0].stem if chosen else "", by_language(chosen, path, languages)


def _entries(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else []


def _match(path: Path) -> re.Match[str] | None:
    name = path.name if path.is_dir() else bare(path).rpartition(".")[0]
    match = _NAME.fullmatch(name)
    return match if match and known(match["language"]) else None


def _config(path: Path) -> Named | None:
    """The configuration of a file or of a folder with one file, or with one for tests."""
    match = _match(path)
    files = _entries(path) if path.is_dir() else [path]
    files = [file for file in files if kind(file) in _ENDINGS]
    if not match or not files:
        return None
    tests = [file for file in files if "test" in file.name] if len(files) > 1 else files
    if len(tests) != 1:
        raise BadTask(f"{path} has {len(files)} files, of which {len(tests)} are for tests; leave one there")
    return Named(tests[0], check(match["language"]), match["name"], "")
