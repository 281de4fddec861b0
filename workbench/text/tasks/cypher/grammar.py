"""Twelve kinds of question about the shipped graph, in twelve languages, each with its query and three wrong ones."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from workbench.arguments import one_of
from workbench.text.corpus import chosen
from workbench.text.tasks.cypher.graph import load_graph
from workbench.text.tasks.cypher.queries import DELIMITER, Queries, shipped_prompts, table
from workbench.text.tasks.task import Item, Task, joined

SPLITS = ("test", "train")
MUTANTS = ("mutant_1", "mutant_2", "mutant_3")
_SLOTS = ("person", "city", "pages", "other")


def cypher_task(
    *, languages: str | Sequence[str] | None = None, split: str | None = None, limit: int | None = None
) -> Task:
    """Questions about people, cities and books, to be answered by a Cypher query.

    Options are the right query and three that differ from it in an arrow, a name, DISTINCT, LIMIT, an aggregate or a
    property, and return other rows. Names are in quotes and no ending touches them. The names of `split="test"` never
    fill the same kind of question in `split="train"`.

    Args:
        languages: of the questions; all twelve when None. The words around a question are in its language.
        split: `"test"` (default) or `"train"`, 48 items each.
        limit: most items; they are in turn of each kind of question.

    Raises:
        UnknownLanguage: no question is in this language.
        BadArgument: no such split.
    """
    wanted = one_of("split", split or "test", SPLITS)
    sentences = {row.pop("language"): row for row in table("questions.tsv")}
    tags = list(sentences) if languages is None else chosen(languages, list(sentences), where="the Cypher questions")
    forms = {row["form"]: row for row in table("forms.tsv")}
    fillings = _in_turn([row for row in table("fillings.tsv") if row["split"] == wanted], list(forms))[:limit]
    queries = Queries(
        gold={item: filled(forms[row["form"]]["gold"], row) for item, row in fillings},
        question={tag: {item: filled(sentences[tag][row["form"]], row) for item, row in fillings} for tag in tags},
        schema=dict.fromkeys([item for item, _ in fillings], (graph := load_graph()).schema),
        prompts=shipped_prompts(),
        form={item: row["form"] for item, row in fillings},
        graph=graph,
    )
    rng, options = random.Random(0), {}
    for item, row in fillings:
        options[item] = [queries.gold[item], *(filled(forms[row["form"]][name], row) for name in MUTANTS)]
        rng.shuffle(options[item])
    items = {
        tag: [
            Item(
                item,
                queries.context(tag, tag, item),
                tuple(options[item]),
                frozenset({options[item].index(queries.gold[item])}),
            )
            for item, _ in fillings
        ]
        for tag in tags
    }
    return replace(joined(items, f"cypher {wanted}", delimiter=dict.fromkeys(tags, DELIMITER)), queries=queries)


def filled(template: str, values: Mapping[str, str]) -> str:
    """A template with its slots filled; braces that are no slot stay."""
    for slot in _SLOTS:
        template = template.replace(f"{{{slot}}}", values[slot])
    return template


def _in_turn(rows: Sequence[dict[str, str]], forms: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Rows with their ids, one of each form after the other, so that the first rows have many forms."""
    groups = [[row for row in rows if row["form"] == form] for form in forms]
    numbered = [
        [(f"{row['form'].replace(' ', '_')}_{number}", row) for number, row in enumerate(group, 1)] for group in groups
    ]
    longest = max(len(group) for group in numbered)
    return [group[place] for place in range(longest) for group in numbered if place < len(group)]
