"""Rows of neo4j/text2cypher-2024v1: a question, the schema of its graph, and the right query; no graph to run it on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.errors import BadTask
from workbench.text.display.naming import quoted
from workbench.text.tasks.cypher.queries import DELIMITER, Queries, prompt_language_for, shipped_prompts
from workbench.text.tasks.task import Item, Task, joined

TEXT2CYPHER = "text2cypher"
LANGUAGE = "en"  # of rows that do not name theirs
_FIELDS = ("question", "schema", "cypher")
_IDS = ("instance_id", "id")
_SOURCE = "data_source"


def text2cypher_task(rows: Mapping[str, Sequence[tuple[str, Mapping[str, Any]]]], name: str) -> Task:
    """A task of rows by language, each with its place; the id `instance_id` joins languages, else the number.

    Args:
        rows: language to (place, row); a row has `question`, `schema` and `cypher`.
        name: of the task.

    Raises:
        BadTask: a row lacks one of these texts, or the query of an id differs between languages.
    """
    prompts = shipped_prompts()
    gold: dict[str, str] = {}
    schema: dict[str, str] = {}
    form: dict[str, str] = {}
    question: dict[str, dict[str, str]] = {}
    for language, own in rows.items():
        question[language] = {}
        for number, (place, row) in enumerate(own):
            item = next((str(row[field]) for field in _IDS if row.get(field) is not None), str(number))
            asks, described, query = (_text(row, field, place) for field in _FIELDS)
            if gold.setdefault(item, query) != query:
                raise BadTask(f"{place}: the query of {quoted(item)} is another one than in {next(iter(rows))!r}")
            if item in question[language]:
                raise BadTask(f"{place}: the id {quoted(item)} comes more than once")
            question[language][item] = asks
            schema.setdefault(item, described)
            form.setdefault(item, str(row.get(_SOURCE) or ""))
    queries = Queries(gold, question, schema, prompts, form)
    codes = [prompt_language_for(language, prompts) for language in question]
    items = {
        language: [Item(item, queries.context(code, language, item), (gold[item],), frozenset({0})) for item in own]
        for (language, own), code in zip(question.items(), codes, strict=True)
    }
    delimiter = dict.fromkeys(items, DELIMITER)
    return replace(joined(items, name, kind="generate", delimiter=delimiter), queries=queries)


def _text(row: Mapping[str, Any], field: str, place: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BadTask(f"{place}: {field} is {quoted(value)}; a row needs text in {', '.join(_FIELDS)}")
    return value.strip()
