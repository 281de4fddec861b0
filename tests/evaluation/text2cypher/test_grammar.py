"""The shipped questions: in every language, about the graph, with queries that return what plain loops return."""

import re
import unicodedata

import pytest

from tests.evaluation.text2cypher.graph_loops import ANSWERS, TABLES
from workbench import load_model
from workbench.errors import BadArgument, UnknownLanguage
from workbench.evaluation.text2cypher.engine import Answer, Engine
from workbench.evaluation.text2cypher.refusal import refusal
from workbench.evaluation.text2cypher.rows import same_rows
from workbench.evaluation.text2cypher.scan import is_ordered
from workbench.text.languages import DEFAULT
from workbench.text.tasks.cypher.grammar import MUTANTS, SPLITS, cypher_task, filled
from workbench.text.tasks.cypher.graph import load_graph
from workbench.text.tasks.cypher.queries import shipped_prompts, table

FORMS = {row["form"]: row for row in table("forms.tsv")}
FILLINGS = table("fillings.tsv")
SENTENCES = {row["language"]: row for row in table("questions.tsv")}


def test_twelve_kinds_in_twelve_languages():
    assert tuple(SENTENCES) == tuple(shipped_prompts()) == DEFAULT
    assert list(FORMS) == list(ANSWERS) == [name for name in SENTENCES["en"] if name != "language"]
    assert len({text for row in SENTENCES.values() for text in row.values()}) == 12 * 13
    assert len(FORMS) == 12


def test_the_graph_has_sixty_nodes_with_names_of_their_own():
    names = [row[0] for nodes in TABLES["nodes"].values() for row in nodes["rows"]]
    assert len(names) == len(set(names)) == 60
    assert all(re.fullmatch("[A-Z][a-z]+", name) for name in names)


@pytest.mark.parametrize("language", DEFAULT)
@pytest.mark.parametrize("form", FORMS)
def test_a_sentence_has_the_slots_of_its_query_in_quotes(language, form):
    text, gold = SENTENCES[language][form], FORMS[form]["gold"]
    assert unicodedata.is_normalized("NFC", text)
    slots = re.findall(r"\{(person|city|pages)\}", gold)
    assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(slots)
    for slot in {"person", "city"} & set(slots):
        assert f'"{{{slot}}}"' in text
    assert not set(re.sub(r"\{\w+\}|Cypher", "", text)) & set("{}\t")


def test_names_of_the_test_are_unseen_in_the_same_kind():
    for form in FORMS:
        rows = {split: [row for row in FILLINGS if row["form"] == form and row["split"] == split] for split in SPLITS}
        names = {split: {row["person"] for row in own} | {row["city"] for row in own} for split, own in rows.items()}
        assert [len(own) for own in rows.values()] == [4, 4]
        assert names["test"] & names["train"] <= {""}


def test_queries_pass_the_refusal():
    for row in FILLINGS:
        for name in ("gold", *MUTANTS):
            assert refusal(filled(FORMS[row["form"]][name], row)) == ""


@pytest.fixture(scope="module")
def engine():
    with Engine(load_graph().statements(), timeout=30) as running:
        yield running


@pytest.mark.cypher
@pytest.mark.parametrize("row", FILLINGS, ids=lambda row: "-".join(filter(None, row.values())))
def test_the_query_returns_what_loops_return_and_mutants_do_not(engine, row):
    query = filled(FORMS[row["form"]]["gold"], row)
    gold = engine.run(query)
    expected = ANSWERS[row["form"]](row)
    assert expected and expected != [[None]]
    assert is_ordered(query) is (row["form"] == "order")
    assert same_rows(Answer(gold.columns, expected), gold, ordered=is_ordered(query))
    for name in MUTANTS:
        mutant = engine.run(filled(FORMS[row["form"]][name], row))
        assert not mutant.reason and mutant.rows
        assert not same_rows(mutant, gold, ordered=is_ordered(query))


def test_the_task_is_a_choice_of_four_and_aligned():
    task = cypher_task()
    assert task.languages == DEFAULT and len(task) == 48 and task.aligned and task.kind == "choice"
    assert {len(options) for options in task.options["fi"]} == {4}
    assert task.options["fi"] == task.options["zh"]
    for place, item in enumerate(task.ids):
        (gold,) = task.gold[place]
        assert task.options["en"][place][gold] == task.queries.gold[item]
        assert task.context["ru"][place] == task.queries.context("ru", "ru", item)
    assert {next(iter(gold)) for gold in task.gold} == {0, 1, 2, 3}
    assert [task.queries.form[item] for item in task.limit(12).ids] == list(FORMS)


def test_a_prompt_has_its_language_around_the_question():
    task = cypher_task(languages=["de", "en"], limit=1)
    name = FILLINGS[[row["split"] for row in FILLINGS].index("test")]["person"]
    assert task.queries.context("de", "en", "lookup_1") == (
        "Schreibe eine Cypher-Abfrage, die die Frage beantwortet.\n"
        "Graph: Person: name, born, LIVES_IN City, KNOWS Person, WROTE Book; City: name, population; "
        "Book: title, pages, year\n"
        f'Frage: In which city does the person "{name}" live?\nCypher:'
    )


@pytest.mark.parametrize("split", SPLITS)
def test_every_prompt_with_its_query_fits_the_shipped_model(split):
    tokenizer, task = load_model("polyglot").tokenizer, cypher_task(split=split)
    texts = [
        f"{task.queries.context(prompt, language, item)} {option}"
        for prompt in DEFAULT
        for language in DEFAULT
        for place, item in enumerate(task.ids)
        for option in task.options["en"][place]
        if len(task.queries.question[language][item]) > 60 or language in ("ja", "zh")
    ]
    assert max(map(len, tokenizer(texts)["input_ids"])) <= 256


def test_wrong_arguments():
    with pytest.raises(UnknownLanguage, match="xx"):
        cypher_task(languages="xx")
    with pytest.raises(BadArgument, match="split"):
        cypher_task(split="dev")
