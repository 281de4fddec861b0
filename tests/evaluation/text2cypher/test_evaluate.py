"""The whole evaluation: against a plain forward pass of the shipped model, and with planted answers."""

import re
from collections import Counter

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import BadArgument, BadTask, MissingExtra, TooLarge, UnknownLanguage
from workbench.evaluation.text2cypher import engine, execution, writing
from workbench.text.languages import DEFAULT
from workbench.text.tasks.cypher.grammar import filled
from workbench.text.tasks.cypher.queries import table

FORMS = {row["form"]: row["gold"] for row in table("forms.tsv")}
SENTENCES = {row.pop("language"): row for row in table("questions.tsv")}


@pytest.fixture(scope="module")
def model():
    return wb.load_model("polyglot")


@pytest.fixture(scope="module")
def task():
    return wb.load_task("cypher", languages="en,fi", limit=3)


@pytest.fixture(scope="module")
def ranked(model, task):
    return wb.evaluation.cypher(
        model, task, prompt_languages="en,zh", rank=True, normalize="none", write=False, progress=False
    )


def translate(question, language):
    """The query of a question, by the sentence that it is an instance of."""
    for form, sentence in SENTENCES[language].items():
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\w+?)", re.escape(sentence))
        if match := re.fullmatch(pattern, question):
            return filled(FORMS[form], {"person": "", "city": "", "pages": "", "other": "", **match.groupdict()})
    raise AssertionError(question)


@pytest.mark.parametrize("language", DEFAULT)
def test_every_question_says_which_query_it_means(language):
    task = wb.load_task("cypher", languages=language)
    for item in task.ids:
        assert translate(task.queries.question[language][item], language) == task.queries.gold[item]


def writes(monkeypatch, answer):
    """Have every model write `answer(prompt)`."""

    def generate(model, encoded, **options):
        return [answer(model.tokenizer.decode(text.ids, skip_special_tokens=True)) for text in encoded]

    monkeypatch.setattr(writing, "generate", generate)


def evaluated(monkeypatch, model, task, answer, **options):
    writes(monkeypatch, answer)
    return wb.evaluation.cypher(model, task, progress=False, tokens=8, timeout=10.0, **options)


@pytest.mark.cypher
def test_an_oracle_of_the_sentences_is_right_in_all_languages(monkeypatch, model):
    task = wb.load_task("cypher", limit=12)
    label = task.queries.prompts["en"].question

    def answer(prompt):
        question = re.search(rf"\n{label}: (.*)\nCypher:", prompt)[1]
        return " " + next(translate(question, code) for code in DEFAULT if _is_in(question, code))

    result = evaluated(monkeypatch, model, task, answer, prompt_languages="en")
    for name in ("exact", "gleu", "rouge_l", "valid", "executed"):
        assert (result[name] == 1).all()
    assert (result.corpus_gleu == 1).all() and (result.reason == "").all()
    assert result["mean"].sel(metric="executed").values.tolist() == [[1] * 12]
    assert result.gap.sel(metric="executed", language_of="question") == 0
    assert np.isnan(result.share.sel(metric="executed")).all()


def _is_in(question, code):
    try:
        return bool(translate(question, code))
    except AssertionError:
        return False


WRITTEN = {
    "an alias": ("MATCH (:Person {{name: {name}}})-[:LIVES_IN]->(c:City) RETURN c.name AS home", 1, 1, ""),
    "other variables": ("MATCH (a:Person)-[:LIVES_IN]->(b) WHERE a.name = {name} RETURN b.name;", 1, 1, ""),
    "another column": ("MATCH (:Person {{name: {name}}})-[:LIVES_IN]->(c:City) RETURN c.name, 1", 1, 0, "other rows"),
    "no rows": ("MATCH (c:City) WHERE c.name = 'x' RETURN c.name", 1, 0, "other rows"),
    "an unknown label": ("MATCH (p:Human) RETURN p", 0, 0, "error: "),
    "prose": ("The person lives there.", 0, 0, "refused: "),
    "a chain": ("MATCH (c:City) RETURN c.name; MATCH (n) DETACH DELETE n", 0, 0, "refused: "),
    "a write": ("MATCH (c:City) SET c.name = 'x' RETURN c.name", 0, 0, "refused: "),
    "a fence": ("Sure:\n```cypher\nMATCH (:Person {{name: {name}}})-[:LIVES_IN]->(c) RETURN c.name\n```\nok", 1, 1, ""),
    "further questions": (
        "MATCH ({{name: {name}}})-[:LIVES_IN]->(c) RETURN c.name\nQuestion: and?\nCypher: x",
        1,
        1,
        "",
    ),
}


@pytest.mark.cypher
@pytest.mark.parametrize("case", WRITTEN)
def test_what_is_written_is_run_and_compared(monkeypatch, model, case):
    task = wb.load_task("cypher", languages="en", limit=1)
    name = re.search('"(.*?)"', task.queries.gold["lookup_1"])[0]
    text, valid, executed, reason = WRITTEN[case]
    result = evaluated(monkeypatch, model, task, lambda prompt: text.format(name=name))
    cell = result.isel(prompt_language=0, language=0, item=0)
    assert (cell.valid, cell.executed) == (valid, executed)
    assert str(cell.reason.values).startswith(reason) and bool(str(cell.reason.values)) is bool(reason)
    assert cell.exact == 0


@pytest.mark.cypher
def test_spaces_in_a_string_are_run_as_they_were_written(monkeypatch, model):
    task = wb.load_task("cypher", languages="en", limit=1)
    name = re.search('"(.*?)"', task.queries.gold["lookup_1"])[1]
    texts = (
        f'MATCH (:Person {{name: "{name}"}})-[:LIVES_IN]->(c) WHERE "a{s}b" = "a  b"\nRETURN c.name'
        for s in (" ", "  ")
    )
    for text, executed in zip(texts, (0, 1), strict=True):
        result = evaluated(monkeypatch, model, task, lambda prompt, text=text: text)
        assert result.written.item() == text
        assert (result.valid.item(), result.executed.item()) == (1, executed)


class Busy:
    """An engine that is late a number of times for each query."""

    def __init__(self, late):
        self.late, self.asked = late, Counter()

    def run(self, query):
        self.asked[query] += 1
        late = self.asked[query] <= self.late
        return engine.Answer([], [], "timeout: more than 1 s") if late else engine.Answer(["a"], [[1]])


@pytest.mark.parametrize(("late", "reason", "runs"), [(0, "", 1), (2, "", 3), (3, "timeout: more than 1 s", 3)])
def test_a_written_query_is_tried_as_often_as_a_right_one(late, reason, runs):
    busy = Busy(late)
    assert execution._answer(busy, "RETURN 1").reason == reason
    assert busy.asked["RETURN 1"] == runs


@pytest.mark.cypher
def test_rows_in_another_order_count_only_where_the_question_orders(monkeypatch, model):
    task = wb.load_task("cypher", languages="en")
    for form, executed in (("order_1", 0), ("reverse_1", 1)):
        place = task.ids.index(form)
        query = task.queries.gold[form]
        turned = (
            f"{query} ORDER BY p.name DESC"
            if form == "reverse_1"
            else query.replace(
                "RETURN p.name ORDER BY p.born LIMIT 2",
                "WITH p ORDER BY p.born LIMIT 2 RETURN p.name ORDER BY p.born DESC",
            )
        )
        result = evaluated(monkeypatch, model, task.limit(place + 1), lambda prompt, query=turned: query)
        assert result.executed.values[0, 0, place] == executed
        assert result.valid.values[0, 0, place] == 1


def test_nll_and_rank_equal_a_plain_forward_pass(model, task, ranked):
    assert ranked.nll.dims == ("prompt_language", "language", "item")
    for prompt, language, item in np.ndindex(ranked.nll.shape):
        code, tag, number = ("en", "zh")[prompt], task.languages[language], task.ids[item]
        context = task.queries.context(code, tag, number)
        sums, means = zip(*(loss(model, context, option) for option in task.options[tag][item]), strict=True)
        (gold,) = task.gold[item]
        assert float(ranked.nll[prompt, language, item]) == pytest.approx(means[gold], abs=1e-4)
        assert int(ranked.ranked[prompt, language, item]) == (int(np.argmin(sums)) == gold)


@torch.no_grad()
def loss(model, context, query):
    """Summed and mean loss of a query's tokens after a context, from one text at a time."""
    before, whole = (model.tokenizer(text)["input_ids"] for text in (context, f"{context} {query}"))
    logits = model.module(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    losses = [-float(logits[place - 1, whole[place]]) for place in range(len(before), len(whole))]
    return sum(losses), sum(losses) / len(losses)


def test_items_are_tasks_of_the_methods_for_heads(model, task, ranked):
    losses = wb.heads.task_losses(model, task.queries.tasks("zh", "fi"))
    assert ranked.nll.sel(prompt_language="zh", language="fi").values == pytest.approx(losses, abs=1e-4)


def test_without_the_question_the_rank_is_the_models_own_liking(model, task, ranked):
    for prompt, code in enumerate(("en", "zh")):
        picks = []
        for item in range(3):
            context = task.queries.prompts[code].context(task.queries.schema[task.ids[item]], "")
            sums = [loss(model, context, option)[0] for option in task.options["en"][item]]
            picks.append(int(np.argmin(sums)) in task.gold[item])
        assert float(ranked.blind[prompt]) == pytest.approx(np.mean(picks))
    assert float(ranked.chance) == 0.25


def test_characters_divide_the_score(model, task):
    result = wb.evaluation.cypher(model, task, rank=True, write=False, prompt_languages="en", progress=False)
    for item in range(3):
        context = task.queries.context("en", "fi", task.ids[item])
        options = task.options["fi"][item]
        values = [loss(model, context, option)[0] / len(option) for option in options]
        assert int(result.ranked[0, 1, item]) == (int(np.argmin(values)) in task.gold[item])


def test_an_edit_changes_the_loss_and_is_recorded(model, task):
    one = task.limit(1)
    plain, cut = (
        wb.evaluation.cypher(model, one, write=False, prompt_languages="en", progress=False, heads=heads)
        for heads in (None, [(0, 0), (1, 2)])
    )
    with wb.model.edited(
        model,
        heads=torch.ones(model.n_layers, model.n_heads).index_put(
            (torch.tensor([0, 1]), torch.tensor([0, 2])), torch.tensor(0.0)
        ),
    ):
        again = wb.evaluation.cypher(model, one, write=False, prompt_languages="en", progress=False)
    assert not np.allclose(plain.nll, cut.nll)
    assert np.allclose(again.nll, cut.nll)
    assert "heads" in wb.results.provenance(cut)["parameters"]


def test_the_shipped_model_writes_and_is_scored_without_ladybug(monkeypatch, model, task, tmp_path):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    result = wb.evaluation.cypher(model, task.limit(1), tokens=8, execute=False, progress=False)
    assert set(result.metric.values) == {"nll", "exact", "gleu", "rouge_l"}
    assert result.written.dtype.kind == "U" and "executed" not in result
    result.to_netcdf(tmp_path / "cypher.nc")
    assert wb.load_result(tmp_path / "cypher.nc").identical(result)
    with pytest.raises(MissingExtra, match="execute=False"):
        wb.evaluation.cypher(model, task, progress=False)


def test_prompt_languages_are_those_of_the_questions_by_default(model, task):
    result = wb.evaluation.cypher(model, task.limit(1), write=False, progress=False)
    assert list(result.prompt_language.values) == ["en", "fi"]


def test_figures_draw_the_grid(ranked):
    assert wb.figures.matrix(ranked, "mean", metric="nll").data
    assert wb.figures.heatmap(ranked, "mean", facet="metric").data


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"prompt_languages": "xx"}, UnknownLanguage, "xx"),
        ({"pivot": "xx"}, UnknownLanguage, "xx"),
        ({"tokens": 0}, BadArgument, "tokens"),
        ({"tokens": 250, "execute": False}, TooLarge, "tokens"),
        ({"timeout": 0.0, "write": False}, BadArgument, "timeout"),
        ({"normalize": "bytes"}, BadArgument, "normalize"),
        ({"heads": [(99, 0)], "write": False}, BadArgument, "99"),
    ],
)
def test_wrong_arguments_are_refused(model, task, options, error, text):
    with pytest.raises(error, match=text):
        wb.evaluation.cypher(model, task, progress=False, **options)


def test_a_task_without_queries_is_refused(model):
    with pytest.raises(BadTask, match="no Cypher queries"):
        wb.evaluation.cypher(model, wb.load_task("words", languages="de", limit=2))


ROWS = [
    {
        "question": "Who lives in Oslo?",
        "schema": "Person: name\nCity: name",
        "cypher": "MATCH (p:Person)-[:LIVES_IN]->(:City {name: 'Oslo'})\nRETURN p.name",
        "data_source": "made",
        "instance_id": "instance_id_1",
        "database_reference_alias": None,
    },
    {
        "question": "How many people are there?",
        "schema": "Person: name",
        "cypher": "MATCH (p) RETURN count(p)",
        "instance_id": 2,
    },
]


def test_published_rows_are_scored_as_texts(monkeypatch, model):
    task = wb.load_task(ROWS, format="text2cypher")
    assert task.kind == "generate" and task.languages == ("en",) and task.ids == ("instance_id_1", "2")
    assert task.queries.form["instance_id_1"] == "made" and task.queries.graph is None
    monkeypatch.setattr(engine, "find_spec", lambda name: None)  # no engine is needed, and none is asked for
    result = evaluated(monkeypatch, model, task, lambda prompt: "MATCH (p) RETURN count(p)", prompt_languages="en,de")
    assert result.exact.values[:, 0].tolist() == [[0, 1], [0, 1]]
    assert "executed" not in result
    with pytest.raises(BadTask, match="right queries only"):
        wb.evaluation.cypher(model, task, rank=True)


def test_published_rows_join_languages_by_id(tmp_path):
    spanish = [{**ROWS[0], "question": "¿Quién vive en Oslo?"}, {**ROWS[1], "question": "¿Cuántas personas hay?"}]
    task = wb.load_task({"en": ROWS, "es": spanish}, format="text2cypher")
    assert task.aligned and task.languages == ("en", "es")
    assert "Pregunta: ¿Cuántas personas hay?" in task.context["es"][1]
    assert task.queries.context("en", "es", "2").startswith("Write a Cypher query")
    import pandas as pd

    pd.DataFrame(ROWS).astype(str).to_parquet(tmp_path / "test.parquet")
    read = wb.load_task(tmp_path / "test.parquet", format="text2cypher")
    assert read.queries.gold["2"] == ROWS[1]["cypher"]


def test_items_that_a_language_lacks_are_counted(model):
    spanish = {**ROWS[0], "question": "¿Quién vive en Oslo?"}
    task = wb.load_task({"en": ROWS, "es": [spanish]}, format="text2cypher")
    options = {"prompt_languages": "en,de", "write": False, "progress": False}
    result = wb.evaluation.cypher(model, task, **options)
    assert result["items"].dims == ("prompt_language", "language")
    assert result["items"].values.tolist() == [[2, 1], [2, 1]] and result.lacking.values.tolist() == [[0, 1], [0, 1]]
    assert result.compared.values.tolist() == [1]
    shared = result.nll.values[..., ~np.isnan(result.nll.values).any((0, 1))]
    assert shared.shape[-1] == 1
    np.testing.assert_array_equal(result["mean"].sel(metric="nll"), shared[..., 0])
    whole = wb.evaluation.cypher(model, wb.load_task({"en": ROWS}, format="text2cypher"), **options)
    assert whole["items"].values.tolist() == [[2], [2]] and (whole.lacking == 0).all()
    assert whole.compared.values.tolist() == [2]


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([{**ROWS[0], "cypher": " "}], "cypher"),
        ([{key: value for key, value in ROWS[0].items() if key != "schema"}], "schema"),
        ([ROWS[0], ROWS[0]], "more than once"),
        ({"en": ROWS, "es": [{**ROWS[0], "cypher": "RETURN 1"}]}, "another one"),
    ],
)
def test_published_rows_that_cannot_be_read_are_named(rows, text):
    with pytest.raises(BadTask, match=text):
        wb.load_task(rows, format="text2cypher")
