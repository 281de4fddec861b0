"""Read lm-eval's sample logs as the Results of `accuracy`."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from workbench.arguments import checked
from workbench.errors import BadTask, first_line
from workbench.evaluation.accuracy import CELLS, golds
from workbench.evaluation.picks import choose
from workbench.evaluation.rules import written_summary
from workbench.results.make import make_result
from workbench.text.display.naming import shortened
from workbench.text.formats.decoding import read_json_lines
from workbench.text.formats.names import language_at_end
from workbench.text.tasks.task import Item, joined

_NAME = re.compile(r"samples_(.+)_\d{4}-\d\d-\d\dT[\d.-]+")


@checked
def from_lm_eval(
    path: str | Path | Sequence[str | Path], *, filter: str | None = None, level: float = 0.95
) -> xr.Dataset:
    """Read `samples_<task>_<time>.jsonl`, as `lm_eval run --log_samples` writes it.

    Args:
        path: a log, or logs of one task in several languages, which the end of the task's name tells.
        filter: which of several filters to read, where a log has more than one.

    Returns:
        Of a multiple-choice task the Result of `accuracy` (tokens are not in a log), which `choose` picks from again;
        its `accuracy` is lm-eval's acc. Of a generated task `correct[language, item]` and the numbers by language that
        `accuracy` gives of such a task, by the first metric of the log.

    Raises:
        BadTask: missing, no log, several filters and none named, a gold that no option has or that the log does not
            tell (options alike), a task of another type or metric, or an item whose pick is right where the log's acc
            says wrong, or the reverse.

    Example:
        >>> result = wb.evaluation.from_lm_eval("out/samples_xcopa_it_2026-01-01T00-00-00.jsonl")  # doctest: +SKIP
    """
    files = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
    if not files:
        raise BadTask("no log; give the path of a samples_<task>_<time>.jsonl")
    logs = {_language(file): _rows(file, filter) for file in files}
    if len(logs) < len(files):
        raise BadTask(
            f"{len(files)} logs are in {len(logs)} languages; give one for each: {shortened(list(map(str, files)))}"
        )
    first = next(iter(logs.values()))[0]
    name = f"lm_eval: {shortened([file.name for file in files])}"
    if isinstance(first["filtered_resps"][0], list | tuple):
        return _choices(logs, name, level)
    return _generated(logs, name, level)


def _language(file: Path) -> str:
    match = _NAME.match(file.name)
    name = match[1] if match else file.stem
    return language_at_end(name) or name.rpartition("_")[2]


def _rows(file: Path, filter: str | None) -> list[dict[str, Any]]:
    rows = [row for _, row in read_json_lines(file, BadTask)]
    lacking = [name for name in ("doc_id", "filtered_resps", "target", "arguments") if name not in rows[0]]
    if lacking:
        raise BadTask(f"{file} is no sample log of lm-eval: it lacks {', '.join(lacking)}")
    filters = list(dict.fromkeys(str(row.get("filter")) for row in rows))
    if (filter is None and len(filters) > 1) or (filter is not None and filter not in filters):
        raise BadTask(f"{file} has the filters {', '.join(filters)}; name one with filter=")
    wanted = [row for row in rows if filter is None or row.get("filter") == filter]
    return sorted(wanted, key=lambda row: row["doc_id"])


def _choices(logs: dict[str, list[dict[str, Any]]], name: str, level: float) -> xr.Dataset:
    items, scores, empty = {}, {}, {}
    for language, rows in logs.items():
        parts = [_pairs(row, f"{name}, item {row['doc_id']}") for row in rows]
        items[language] = [
            Item(str(row["doc_id"]), "", options, _gold(row, options, values, f"{name}, item {row['doc_id']}"))
            for row, (options, values, _) in zip(rows, parts, strict=True)
        ]
        scores[language] = {str(row["doc_id"]): values for row, (_, values, _) in zip(rows, parts, strict=True)}
        empty[language] = {
            str(row["doc_id"]): values for row, (_, _, values) in zip(rows, parts, strict=True) if values
        }
    task = joined(items, name)
    tables = {part: np.full((len(task.languages), len(task), task.n_options), np.nan) for part in ("score", "empty")}
    lengths = {part: np.full_like(tables["score"], np.nan) for part in ("characters", "bytes", "tokens")}
    for k, language in enumerate(task.languages):
        for row in task.present(language):
            number, options = task.ids[row].removesuffix(f" ({language})"), task.options[language][row]
            tables["score"][k, row, : len(options)] = scores[language][number]
            if number in empty[language]:
                tables["empty"][k, row, : len(options)] = empty[language][number]
            lengths["characters"][k, row, : len(options)] = [len(text) for text in options]
            lengths["bytes"][k, row, : len(options)] = [len(text.encode()) for text in options]
    variables = {"score": (CELLS, tables["score"], "log-probability of the option [nats]")}
    if all(empty.values()):
        words = "log-probability of the option after an empty context [nats]"
        variables |= dict.fromkeys(("unconditional", "blind"), (CELLS, tables["empty"], words))
    variables |= {part: (CELLS, values, f"{part} of the option") for part, values in lengths.items()}
    measured = make_result(
        variables | {"gold": (("item", "option"), golds(task), "whether the option is right")},
        {"language": list(task.languages), "item": list(task.ids), "option": list(range(task.n_options))},
        method="evaluation.accuracy",
        parameters={"log": name},
        corpus=task.info,
        attrs={"aligned": int(task.aligned), "fixed_labels": int(task.fixed_labels), "item_format": "lm_eval"},
    )
    return choose(measured, level=level)


def _pairs(row: dict[str, Any], where: str) -> tuple[tuple[str, ...], list[float], list[float]]:
    """Options, their scores, and their scores after an empty context, if there are any.

    Raises:
        BadTask: the row is laid out in another way, as those of other types of tasks are.
    """
    try:
        pairs = [row["arguments"][f"gen_args_{number}"] for number in range(len(row["arguments"]))]
        values = [float(value) for value, _ in row["filtered_resps"]]
        texts = [(pair["arg_0"], str(pair["arg_1"])) for pair in pairs]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadTask(
            f"{where}: no options with log-probabilities as lm-eval 0.4.13 writes them ({type(error).__name__}: "
            f"{first_line(error)}); multiple-choice and generated tasks are read"
        ) from error
    half = len(texts) // 2
    double = half > 1 and all(context == "" for context, _ in texts[half:]) and bool(texts[0][0])
    count = half if double else len(texts)
    return tuple(text.removeprefix(" ") for _, text in texts[:count]), values[:count], values[count:]


def _gold(row: dict[str, Any], options: tuple[str, ...], scores: list[float], where: str) -> frozenset[int]:
    """Places of the right options; where the row says whether lm-eval's pick is right, they agree with it.

    Where each option has a context of its own, a log has the continuation as its target, which tells nothing: of two
    options, the right one is the pick or the other one.
    """
    pick = max(range(len(scores)), key=scores.__getitem__)  # ties go to the first, as in lm-eval
    acc = row.get("acc")
    contexts = {row["arguments"][f"gen_args_{number}"]["arg_0"] for number in range(len(options))}
    if len(contexts) > 1 or len(set(options)) < 2:
        if len(contexts) < 2 or len(options) != 2 or acc not in (0, 1):
            raise BadTask(f"{where}: the log does not tell which of its {len(options)} options is right")
        return frozenset({pick if acc else 1 - pick})
    places = _target(row["target"], options, where)
    if acc is not None and float(acc) != float(pick in places):
        raise BadTask(
            f"{where}: its acc is {acc}, and option {pick} has the highest score of {len(options)}; "
            f"the target {row['target']!r} is read as {sorted(places)}"
        )
    return places


def _target(target: Any, options: tuple[str, ...], where: str) -> frozenset[int]:
    """Places of the right options, from a place, places, or an option's text."""
    try:
        value = json.loads(target) if isinstance(target, str) else target
    except ValueError:
        value = target
    if isinstance(value, str) and value.removeprefix(" ") in options:
        value = options.index(value.removeprefix(" "))
    places: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(place, int) and 0 <= place < len(options) for place in places):
        raise BadTask(f"{where}: the target {target!r} is none of the options {shortened(list(options))}")
    return frozenset(places)


def _right(row: dict[str, Any], where: str) -> float:
    """1 where the first metric of a row says right, 0 where it says wrong.

    Raises:
        BadTask: there is no metric, or one of other numbers, as of F1 or BLEU.
    """
    metric = next(iter(row.get("metrics") or ()), None)
    value = row.get(str(metric))
    if value not in (0, 1):
        raise BadTask(f"{where}: its first metric, {metric!r}, is {str(value)[:60]}; expected 1 for right, or 0")
    return float(value)


def _generated(logs: dict[str, list[dict[str, Any]]], name: str, level: float) -> xr.Dataset:
    ids = list(dict.fromkeys(str(row["doc_id"]) for rows in logs.values() for row in rows))
    correct = np.full((len(logs), len(ids)), np.nan)
    for k, (language, rows) in enumerate(logs.items()):
        for row in rows:
            place = k, ids.index(str(row["doc_id"]))
            if not np.isnan(correct[place]):
                raise BadTask(f"{name}, {language}: the id {row['doc_id']!r} comes more than once")
            correct[place] = _right(row, f"{name}, item {row['doc_id']}")
    numbers, attrs = written_summary(correct, aligned=not np.isnan(correct).any(), level=level, seed=0)
    return make_result(
        numbers,
        {"language": list(logs), "item": ids},
        method="evaluation.from_lm_eval",
        parameters={"log": name, "level": level},
        attrs={"fixed_labels": 0, "item_kind": "generate", **attrs},
        owners={"accuracy": ("low", "high")},
    )
