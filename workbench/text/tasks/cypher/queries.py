"""What a task of Cypher queries has beside its contexts: questions, golds, prompts in other languages, the graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.text.corpus import chosen
from workbench.text.tasks.cypher.graph import FOLDER, Graph

DELIMITER = " "  # between a prompt and its query


@dataclass(frozen=True)
class Prompt:
    """The words around a question, in one language."""

    instruction: str
    graph: str
    question: str

    def context(self, schema: str, question: str) -> str:
        """The text before a query."""
        return f"{self.instruction}\n{self.graph}: {schema}\n{self.question}: {question}\nCypher:"


@dataclass(frozen=True)
class Queries:
    """Questions and their queries, by the ids of a task's items.

    Attributes:
        gold: id to the right query.
        question: language to id to question.
        schema: id to the description of its graph.
        prompts: language to the words around a question.
        form: id to the kind of question; empty where kinds are not known.
        graph: on which queries run; None where the rows come without one.
    """

    gold: Mapping[str, str]
    question: Mapping[str, Mapping[str, str]]
    schema: Mapping[str, str]
    prompts: Mapping[str, Prompt]
    form: Mapping[str, str]
    graph: Graph | None = None

    def context(self, prompt_language: str, language: str, item: str) -> str:
        """The text before an item's query: a question in `language`, all other words in `prompt_language`."""
        return self.prompts[prompt_language].context(self.schema[item], self.question[language][item])

    def tasks(self, prompt_language: str, language: str) -> list[dict[str, str]]:
        """Prompts with the right query as answer, as `wb.heads.task_losses` and `wb.heads.tune_mask` take them."""
        return [
            {"prompt": self.context(prompt_language, language, item), "answer": DELIMITER + self.gold[item]}
            for item in self.question[language]
        ]


def shipped_prompts() -> dict[str, Prompt]:
    """The words around a question, by language."""
    return {row["language"]: Prompt(row["instruction"], row["graph"], row["question"]) for row in table("prompts.tsv")}


def prompt_language_for(language: str, prompts: Mapping[str, Prompt]) -> str:
    """The language of the words around a question in `language`: its own, or English where there are none."""
    return language if language in prompts else chosen(["en"], list(prompts), where="the prompts")[0]


def table(name: str, folder: Path = FOLDER) -> Sequence[dict[str, str]]:
    """Rows of a shipped table: tab-separated, nothing quoted."""
    header, *lines = [line.split("\t") for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    return [dict(zip(header, line, strict=True)) for line in lines]
