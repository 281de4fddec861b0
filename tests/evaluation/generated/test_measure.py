"""Written answers: against transformers' own generate, on a planted writer, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import workbench as wb
from tests import models
from tests.models import byte_tokenizer, tiny
from tests.oracles.evaluation import written_line
from workbench.errors import BadArgument, BadResult, BadTask, TooLarge

QUICK = {"progress": False}


def questions(languages=("de", "en"), items=4):
    """Questions of different lengths, all to be answered by 42 but the last."""
    return wb.load_task(
        [
            {"id": str(n), "language": code, "context": f"{code} {'?' * n * 3} is:", "gold": 42 if n < 3 else 7}
            for code in languages
            for n in range(items)
        ]
    )


def writer(text):
    """A model that writes a text after ':': each token's own embedding alone decides which one follows it."""
    module, tokenizer = tiny("llama"), byte_tokenizer(bos=False)
    ids = tokenizer(f":{text}")["input_ids"]
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight", "lm_head.weight")):
                weight.zero_()
        for token, following in pairwise(ids):
            module.lm_head.weight[following] = module.model.embed_tokens.weight[token] * 100
    return wb.load_model(module, tokenizer=tokenizer)


def test_answers_are_what_transformers_writes_one_at_a_time(wrapped):
    task = questions()
    result = wb.evaluation.accuracy(wrapped("llama"), task, tokens=9, batch_size=3, **QUICK)
    for k, code in enumerate(task.languages):
        for row in range(len(task)):
            line = written_line(models.tiny("llama"), byte_tokenizer(), task.context[code][row], 9)
            assert result.answer.values[k, row] == line
    alone = wb.evaluation.accuracy(wrapped("llama"), task, tokens=9, batch_size=1, **QUICK)
    assert alone.answer.values.tolist() == result.answer.values.tolist()


def test_a_planted_writer_is_right_where_the_answer_is_its_own():
    result = wb.evaluation.accuracy(writer(" 42\n"), questions(), **QUICK)
    assert result.answer.values.tolist() == [[" 42"] * 4] * 2 and (result.parsed == "42").all()
    assert result.correct.values.tolist() == [[1, 1, 1, 0]] * 2 and result.gold.values[0].tolist() == ["42"] * 3 + ["7"]
    assert result.accuracy.values.tolist() == [0.75, 0.75] and result.attrs["mean"] == 0.75
    low, high = 0.3006, 0.9544
    assert result.low.values == pytest.approx([low] * 2, abs=1e-4)
    assert result.high.values == pytest.approx([high] * 2, abs=1e-4)
    assert result.chance.values.tolist() == [0, 0] and result.above.values.tolist() == [75, 75]
    for name in ("null", "majority", "answer_only", "p_value", "p_single"):
        assert np.isnan(result[name]).all()
    assert result.unparsed.values.tolist() == [0, 0] == result.unfinished.values.tolist()
    assert result.attrs["reads"] == "numbers" and result.attrs["item_kind"] == "generate"


def test_what_does_not_end_and_what_holds_no_number_is_counted():
    result = wb.evaluation.accuracy(writer(" 42\n"), questions(), tokens=2, **QUICK)
    assert result.answer.values[0].tolist() == [" 4"] * 4
    assert result.unfinished.values.tolist() == [4, 4] and result.unparsed.values.tolist() == [0, 0]
    result = wb.evaluation.accuracy(writer(" no\n"), questions(), **QUICK)
    assert result.unparsed.values.tolist() == [4, 4] and result.accuracy.values.tolist() == [0, 0]
    ended = wb.evaluation.accuracy(writer(" 4<eos>"), questions(), tokens=5, **QUICK)
    assert ended.unfinished.values.tolist() == [0, 0] and (ended.answer == " 4").all()


def test_texts_are_compared_where_not_all_answers_are_numbers():
    rows = [{"language": "fr", "context": f"{n}:", "gold": gold} for n, gold in enumerate(["Oui !", "1"])]
    result = wb.evaluation.accuracy(writer(" oUi.\n"), wb.load_task(rows), **QUICK)
    assert result.attrs["reads"] == "texts" and result.parsed.values.tolist() == [["oui"] * 2]
    assert result.correct.values.tolist() == [[1, 0]]


def test_a_missing_item_is_no_answer():
    task = wb.load_task(
        {"de": [{"context": "a:", "gold": 42, "id": "x"}], "en": [{"context": "b:", "gold": 42, "id": "y"}]}
    )
    result = wb.evaluation.accuracy(writer(" 42\n"), task, **QUICK)
    assert result.correct.values[0, 0] == 1 and np.isnan(result.correct.values[0, 1])
    assert result["items"].values.tolist() == [1, 1] and result.unparsed.values.tolist() == [0, 0]
    assert result.answer.values[0].tolist() == [" 42", ""]


def test_shots_and_lines_stand_before_the_answer(wrapped):
    task = questions(languages=("en",))
    result = wb.evaluation.accuracy(wrapped("llama"), task, shots=2, format="question", tokens=3, **QUICK)
    prompt = "Question: en  is:\nAnswer: 42\n\nQuestion: en ??? is:\nAnswer: 42\n\nQuestion: en ?????? is:\nAnswer:"
    assert result.item.values.tolist() == ["2", "3"]
    assert result.answer.values[0, 0] == written_line(models.tiny("llama"), byte_tokenizer(), prompt, 3)


def test_heads_and_neurons_off_equal_an_edit_from_outside(wrapped):
    model, task = wrapped("llama"), questions()
    off = wb.evaluation.accuracy(model, task, heads=[(0, 1), (1, 2)], neurons=[(0, 3)], tokens=6, **QUICK)
    heads, neurons = torch.ones(model.n_layers, model.n_heads), torch.ones(model.n_layers, model.n_neurons)
    heads[0, 1] = heads[1, 2] = neurons[0, 3] = 0
    with wb.model.edited(model, heads=heads, neurons=neurons):
        inside = wb.evaluation.accuracy(model, task, tokens=6, **QUICK)
    assert off.answer.values.tolist() == inside.answer.values.tolist()
    plain = wb.evaluation.accuracy(model, task, tokens=6, **QUICK)
    assert off.answer.values.tolist() != plain.answer.values.tolist()
    change = wb.evaluation.compare(plain, off)
    assert change.change.values.tolist() == [100 * float(off.accuracy[k] - plain.accuracy[k]) for k in range(2)]


def test_long_prompts_are_refused_or_lose_their_first_tokens(wrapped):
    task = wb.load_task([{"language": "en", "id": "long", "context": "ab" * 70, "gold": "x"}])
    with pytest.raises(TooLarge, match=r"en, item 'long' has 141 tokens; .* room for 120 beside 8 of the answer"):
        wb.evaluation.accuracy(wrapped("llama"), task, tokens=8, **QUICK)
    result = wb.evaluation.accuracy(wrapped("llama"), task, tokens=8, truncate=True, **QUICK)
    assert result.truncated.values.tolist() == [1]
    written = written_line(models.tiny("llama"), byte_tokenizer(bos=False), "ab" * 60, 8)
    assert result.answer.values[0, 0] == written
    with pytest.raises(TooLarge, match="leaves no room for a prompt"):
        wb.evaluation.accuracy(wrapped("llama"), task, tokens=128, **QUICK)


@pytest.mark.parametrize(
    "option", [{"format": "letters"}, {"normalize": "bytes"}, {"seam": "answer"}, {"variant": "released"}]
)
def test_options_of_choice_tasks_are_refused(wrapped, option):
    (name,) = option
    with pytest.raises(BadTask, match=f"{name}=.* compares options, .* of kind 'generate'"):
        wb.evaluation.accuracy(wrapped("llama"), questions(), **option, **QUICK)


def test_tokens_of_a_choice_task_are_refused(wrapped):
    with pytest.raises(BadTask, match="options are compared and nothing is written"):
        wb.evaluation.accuracy(wrapped("llama"), wb.load_task("words", languages="de", limit=2), tokens=5, **QUICK)
    with pytest.raises(BadArgument, match="tokens"):
        wb.evaluation.accuracy(wrapped("llama"), questions(), tokens=0, **QUICK)


def test_queries_have_their_own_measure(wrapped):
    row = {"question": "Who?", "schema": "(:A)", "cypher": "MATCH (n) RETURN n", "instance_id": 1}
    task = wb.load_task({"en": [{**row, "data_source": "x", "database_reference_alias": ""}]}, format="text2cypher")
    with pytest.raises(BadTask, match=r"Cypher queries; wb\.evaluation\.cypher"):
        wb.evaluation.accuracy(wrapped("llama"), task, **QUICK)


def test_what_needs_picks_refuses_written_answers(wrapped):
    result = wb.evaluation.accuracy(writer(" 42\n"), questions(), **QUICK)
    with pytest.raises(BadResult, match="with `choice`"):
        wb.evaluation.consistency(result)
    with pytest.raises(BadResult, match="choose takes a result"):
        wb.evaluation.choose(result)
    with pytest.raises(BadTask, match="of kind 'generate'"):
        wb.evaluation.under(wrapped("llama"), questions(), {"a": [(0, 0)]}, **QUICK)


def test_a_result_is_saved_read_drawn_and_put_into_a_table(tmp_path):
    result = wb.evaluation.accuracy(writer(" 42\n"), questions(), **QUICK)
    wb.save_result(result, tmp_path / "a.nc")
    again = wb.load_result(tmp_path / "a.nc")
    assert again.answer.values.tolist() == result.answer.values.tolist()
    assert wb.figures.bars(again, "accuracy").data and wb.figures.bars(again, "above").data
    table = wb.evaluation.table({"sums": again})
    assert table.above.values.tolist() == [[75, 75]] and table.headroom.values.tolist() == [[0.75, 0.75]]
    assert np.isnan(table.p_value).all() and wb.figures.heatmap(table, "above").data
