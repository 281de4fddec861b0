"""Accuracy by language: picks, normalizations, chance, null, answer-only; on planted scores and a uniform model."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests import models
from tests.models import byte_tokenizer, tiny
from tests.oracles.evaluation import score, tokens
from workbench.errors import BadArgument, BadResult, BadTask
from workbench.evaluation.accuracy import golds
from workbench.evaluation.picks import picked
from workbench.evaluation.rules import mean_interval
from workbench.results.make import make_result

QUICK = {"progress": False}


def rows(languages=("de", "en"), items=6, options=("ab", "cd", "efg")):
    return [
        {
            "id": str(number),
            "language": language,
            "context": f"{language} {number}:",
            "options": [f"{option}{number}" for option in options],
            "gold": number % len(options),
        }
        for language in languages
        for number in range(items)
    ]


def planted(scores, texts, gold):
    """A Result with these scores of one language, [item, option]."""
    scores = np.array(scores, dtype=float)[None]
    lengths = np.array([[len(text) for text in item] for item in texts], dtype=float)[None]
    cells = ("language", "item", "option")
    right = np.eye(scores.shape[2], dtype=bool)[list(gold)]
    return make_result(
        {
            "score": (cells, scores, "score [nats]"),
            "characters": (cells, lengths, "characters"),
            "bytes": (cells, np.array([[[len(t.encode()) for t in item] for item in texts]], dtype=float), "bytes"),
            "tokens": (cells, np.ones_like(scores), "tokens"),
            "gold": (("item", "option"), right, "right"),
        },
        {"language": ["en"], "item": [str(i) for i in range(len(gold))]},
        method="evaluation.accuracy",
        parameters={},
        attrs={"aligned": 1, "fixed_labels": 0, "item_format": "cloze"},
    )


def test_normalizations_pick_by_hand():
    result = planted([[-4, -6]], [["ab", "abcd"]], [1])
    assert picked(result, "none").tolist() == [[0]]
    assert picked(result, "characters").tolist() == [[1]]  # -2 against -1.5
    assert wb.evaluation.choose(result, normalize="characters").accuracy.item() == 1
    assert wb.evaluation.choose(result).accuracy.item() == 0


def test_bytes_and_characters_differ_for_accents(wrapped):
    task = wb.load_task([{"language": "fr", "context": "x", "options": ["é", "e"], "gold": 0}])
    result = wb.evaluation.accuracy(wrapped("llama"), task, **QUICK)
    assert result.characters.values.tolist() == [[[1, 1]]] and result.bytes.values.tolist() == [[[2, 1]]]
    assert result.tokens.values.tolist() == [[[3, 2]]]  # the space too


def test_ties_go_to_the_first_option_and_any_gold_counts():
    result = planted([[-1, -1], [-2, -1]], [["a", "b"]] * 2, [0, 0])
    assert picked(result, "none").tolist() == [[0, 1]]
    both = result.assign(gold=(("item", "option"), np.array([[False, True], [True, True]])))
    assert wb.evaluation.choose(both).correct.values.tolist() == [[0, 1]]


def test_scores_and_picks_equal_the_plain_loop(wrapped):
    task = wb.load_task(rows())
    result = wb.evaluation.accuracy(wrapped("llama"), task, **QUICK)
    module, tokenizer = models.tiny("llama"), byte_tokenizer()
    for k, language in enumerate(task.languages):
        for row in range(len(task)):
            options = task.options[language][row]
            expected = [score(module, *tokens(tokenizer, task.context[language][row], f" {text}")) for text in options]
            empty = [score(module, *tokens(tokenizer, "", f" {text}")) for text in options]
            assert result.score.values[k, row] == pytest.approx(expected, abs=2e-4)
            assert result.unconditional.values[k, row] == pytest.approx(empty, abs=2e-4)
            assert result.choice.values[k, row] == np.argmax(expected)
            assert result.correct.values[k, row] == (np.argmax(expected) in task.gold[row])
    assert result.accuracy.values == pytest.approx(result.correct.values.mean(1))
    assert result.chance.values == pytest.approx([1 / 3, 1 / 3])
    assert result.above.values == pytest.approx(100 * (result.accuracy.values - 1 / 3))
    blind = result.unconditional.values.argmax(-1)
    assert result.answer_only.values == pytest.approx((blind == np.arange(6) % 3).mean(1))
    assert result.attrs["mean"] == pytest.approx(result.accuracy.values.mean())


def uniform():
    """A model that gives every token the same probability."""
    module = tiny("llama")
    with torch.no_grad():
        module.lm_head.weight.zero_()
    return wb.load_model(module, tokenizer=byte_tokenizer())


def test_a_uniform_model_picks_a_everywhere():
    task = wb.load_task(rows(items=8))
    result = wb.evaluation.accuracy(uniform(), task, format="letters", **QUICK)
    assert (result.choice.values == 0).all()
    assert result.accuracy.values == pytest.approx(np.full(2, golds(task)[:, 0].mean()))
    assert result["null"].values == pytest.approx(result.accuracy.values)  # its label prior is all that it has


def test_letters_show_the_options_and_score_a_space_and_a_letter(wrapped):
    task = wb.load_task(rows(languages=("en",), items=2))
    result = wb.evaluation.accuracy(wrapped("llama"), task, format="letters", **QUICK)
    context = "en 1:\nA. ab1\nB. cd1\nC. efg1\nAnswer:"
    pairs = [tokens(byte_tokenizer(), context, f" {letter}") for letter in "ABC"]
    expected = [score(models.tiny("llama"), *pair) for pair in pairs]
    assert result.score.values[0, 1] == pytest.approx(expected, abs=2e-4)
    blind = score(models.tiny("llama"), *tokens(byte_tokenizer(), context.partition("\n")[2], " B"))
    assert result.blind.values[0, 1, 1] == pytest.approx(blind, abs=2e-4)
    released = wb.evaluation.accuracy(wrapped("llama"), task, format="letters", variant="released", **QUICK)
    before = byte_tokenizer()(context)["input_ids"]
    bare = [
        score(models.tiny("llama"), before, byte_tokenizer()(x, add_special_tokens=False)["input_ids"]) for x in "ABC"
    ]
    assert released.score.values[0, 1] == pytest.approx(bare, abs=2e-4)


def test_a_question_stands_between_two_words(wrapped):
    task = wb.load_task(rows(languages=("en",), items=2))
    result = wb.evaluation.accuracy(wrapped("llama"), task, format="question", **QUICK)
    pairs = [tokens(byte_tokenizer(), "Question: en 1:\nAnswer:", f" {text}1") for text in ("ab", "cd", "efg")]
    assert result.score.values[0, 1] == pytest.approx([score(models.tiny("llama"), *p) for p in pairs], abs=2e-4)
    blind = score(models.tiny("llama"), *tokens(byte_tokenizer(), "Answer:", " cd1"))
    assert result.blind.values[0, 1, 1] == pytest.approx(blind, abs=2e-4)


def test_shots_stand_solved_before_the_question(wrapped):
    task = wb.load_task(rows(languages=("en",), items=4))
    result = wb.evaluation.accuracy(wrapped("llama"), task, shots=2, **QUICK)
    assert result.item.values.tolist() == ["2", "3"]
    context = "en 0: ab0\n\nen 1: cd1\n\nen 2:"
    expected = [score(models.tiny("llama"), *tokens(byte_tokenizer(), context, f" {x}2")) for x in ("ab", "cd", "efg")]
    assert result.score.values[0, 0] == pytest.approx(expected, abs=2e-4)


def test_a_context_for_each_option(wrapped):
    row = {"language": "en", "context": ["the cat", "the mat"], "options": ["ran", "ran"], "gold": 0}
    result = wb.evaluation.accuracy(wrapped("llama"), wb.load_task([row]), **QUICK)
    expected = [score(models.tiny("llama"), *tokens(byte_tokenizer(), text, " ran")) for text in row["context"]]
    assert result.score.values[0, 0] == pytest.approx(expected, abs=2e-4)
    with pytest.raises(BadTask, match="a context for each option"):
        wb.evaluation.accuracy(wrapped("llama"), wb.load_task([row]), format="letters", **QUICK)


def test_missing_items_are_counted_and_leave_no_trace(wrapped):
    task = wb.load_task(rows()[:-2])
    result = wb.evaluation.accuracy(wrapped("llama"), task, **QUICK)
    assert result["items"].values.tolist() == [6, 4]
    assert (result.choice.values[1, 4:] == -1).all() and np.isnan(result.correct.values[1, 4:]).all()
    assert result.accuracy.values[1] == pytest.approx(result.correct.values[1, :4].mean())
    alone = wb.evaluation.accuracy(wrapped("llama"), task.select("en"), **QUICK)
    assert alone.accuracy.values[0] == result.accuracy.values[1] and alone.low.values[0] == result.low.values[1]


def test_fixed_labels_are_compared_with_the_label_prior(wrapped):
    table = [{**row, "options": ["yes", "no"], "gold": int(row["id"]) % 2} for row in rows(languages=("en",))]
    result = wb.evaluation.accuracy(wrapped("llama"), wb.load_task(table), **QUICK)
    assert result.attrs["fixed_labels"] == 1
    assert result.above.values == pytest.approx(100 * (result.accuracy.values - result["null"].values))


def test_heads_off_equal_a_model_with_zero_weights(wrapped):
    model, task = wrapped("llama"), wb.load_task(rows(items=2))
    off = wb.evaluation.accuracy(model, task, heads=[(1, 2)], **QUICK)
    scales = torch.ones(model.n_layers, model.n_heads)
    scales[1, 2] = 0
    with wb.model.edited(model, heads=scales):
        inside = wb.evaluation.accuracy(model, task, **QUICK)
    assert off.score.values == pytest.approx(inside.score.values, abs=1e-5)
    by_scale = wb.evaluation.accuracy(model, task, heads=scales, **QUICK)
    assert (by_scale.score.values == off.score.values).all()
    neurons = wb.evaluation.accuracy(model, task, neurons=[(0, 1), (2, 5)], **QUICK)
    assert np.abs(neurons.score.values - off.score.values).max() > 1e-4
    with pytest.raises(BadArgument, match="head 9 of layer 0 does not exist"):
        wb.evaluation.accuracy(model, task, heads=[(0, 9)], **QUICK)


def test_choosing_again_needs_no_model_and_repeats_every_number(wrapped):
    task = wb.load_task(rows())
    by_bytes = wb.evaluation.accuracy(wrapped("llama"), task, normalize="bytes", **QUICK)
    again = wb.evaluation.choose(wb.evaluation.accuracy(wrapped("llama"), task, **QUICK), normalize="bytes")
    for name in ("choice", "correct", "accuracy", "low", "p_value", "answer_only", "null"):
        np.testing.assert_array_equal(again[name], by_bytes[name])
    assert again.attrs["normalize"] == "bytes"


def test_unconditional_picks_what_gains_most_from_the_question(wrapped):
    result = wb.evaluation.accuracy(wrapped("llama"), wb.load_task(rows()), normalize="unconditional", **QUICK)
    gain = result.score.values - result.unconditional.values
    assert (result.choice.values == gain.argmax(-1)).all()
    without = wb.evaluation.accuracy(wrapped("llama"), wb.load_task(rows()), answer_only=False, **QUICK)
    assert "unconditional" not in without and np.isnan(without.answer_only).all()
    with pytest.raises(BadArgument, match="measure with answer_only=True"):
        wb.evaluation.choose(without, normalize="unconditional")


def test_tokens_are_warned_about(wrapped):
    result = wb.evaluation.accuracy(wrapped("llama"), wb.load_task(rows()), **QUICK)
    with pytest.warns(match="more tokens per character"):
        wb.evaluation.choose(result, normalize="tokens")


def test_what_is_no_choice_is_refused(wrapped):
    with pytest.raises(BadTask, match="of kind 'generate'"):
        task = wb.load_task([{"language": "en", "context": "a", "gold": "b"}])
        wb.evaluation.accuracy(wrapped("llama"), task, format="letters")
    with pytest.raises(BadResult, match="choose takes a result"):
        wb.evaluation.choose(planted([[-1, -2]], [["a", "b"]], [0]).drop_vars("score"))


def test_a_result_is_saved_and_read_back(wrapped, tmp_path):
    result = wb.evaluation.accuracy(wrapped("llama"), wb.load_task(rows()), **QUICK)
    wb.save_result(result, tmp_path / "a.nc")
    assert wb.load_result(tmp_path / "a.nc").accuracy.values.tolist() == result.accuracy.values.tolist()
    assert wb.figures.bars(result, "accuracy").data and wb.figures.heatmap(result, "score", language="de").data


def test_a_missing_cell_leaves_languages_drawn_together():
    one = (np.random.default_rng(0).random(200) < 0.44).astype(float)
    values = np.tile(one, (10, 1))
    how = {"level": 0.95, "seed": 0}
    low, high = mean_interval(values, aligned=True, **how)
    values[3, 17] = np.nan
    below, over = mean_interval(values, aligned=False, **how)
    assert abs(below - low) < 0.01 and abs(over - high) < 0.01  # drawn apart, a third as wide
    values[3, 2:] = np.nan
    assert np.isfinite(mean_interval(values, aligned=False, **how)).all()  # draws without an item of it are left out


def test_languages_without_a_common_item_are_drawn_apart():
    values = np.full((4, 400), np.nan)
    for k in range(4):
        values[k, 100 * k : 100 * (k + 1)] = np.arange(100) % 2
    low, high = mean_interval(values, aligned=False, level=0.95, seed=0)
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.1)
