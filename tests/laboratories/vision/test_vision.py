"""A language model that sees: its pictures, its shared weights, what is trained, and what it answers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import log_softmax

from tests.laboratories.cases import CORPUS
from tests.models import byte_tokenizer, tiny
from workbench import load_model
from workbench.errors import BadCorpus, BrokenModel, UnknownLanguage
from workbench.laboratories import Materials, Recipe, answers, read_base
from workbench.laboratories.parts.data import questions
from workbench.laboratories.training.batches import example_batches
from workbench.laboratories.training.loop import train
from workbench.laboratories.vision.measure import picks, picture_choice
from workbench.laboratories.vision.pictures import (
    COLOURS,
    COUNTS,
    IMAGE_TOKENS,
    QUESTIONS,
    Picture,
    blank,
    draw,
    draw_all,
    swapped,
)
from workbench.laboratories.vision.questions import picture_questions, placeholder, question_about
from workbench.laboratories.vision.seeing import picture_answers, predicted_of, seeing, text_layers, vision_part
from workbench.laboratories.vision.stage import seen
from workbench.text.words import load_words

CONCEPTS = [concept for concepts in QUESTIONS.values() for concept in concepts]
WORDS = load_words(languages="de,fr").loc[[*CONCEPTS, "water", "house", "tree"]]
TOKENIZER = byte_tokenizer()
PICTURES = draw_all(np.random.default_rng(0), limit=6)


def held_out(concept, source, target):
    return concept == "water"


def made():
    return Materials(TOKENIZER, CORPUS.select(["de", "fr"]), CORPUS, WORDS, held_out)


def small():
    torch.manual_seed(0)
    return seeing(tiny("llama"), TOKENIZER)


def weights(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def changed(before, after):
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def test_a_picture_has_so_many_squares_of_its_colour():
    for colour, count in [("red", "two"), ("black", "seven"), ("white", "five")]:
        picture = draw(colour, count, np.random.default_rng(1))
        assert picture.pixels.shape == (3, 16, 16) and picture.pixels.dtype == np.float32
        brightness = (picture.pixels.transpose(1, 2, 0) + 1) / 2
        near = (abs(brightness - np.array(COLOURS[colour])) < 0.2).all(2)
        assert near.sum() == 9 * COUNTS[count]
        assert abs(brightness[~near] - 0.5).max() < 0.2


def test_each_colour_and_count_is_drawn_and_swapped_for_another():
    every = draw_all(np.random.default_rng(0))
    assert {(each.colour, each.count) for each in every} == {(a, b) for a in COLOURS for b in COUNTS}
    assert all(a.colour != b.colour and a.count != b.count for a, b in zip(every, swapped(every), strict=True))
    assert len({blank(each).pixels.tobytes() for each in every}) == 1


def test_all_answers_are_words_of_the_shipped_list():
    words = load_words()
    assert len(COLOURS) == 7 and len(COUNTS) == 5 and set(CONCEPTS) <= set(words.index)
    for concepts in QUESTIONS.values():
        assert all(words.loc[list(concepts), language].is_unique for language in words.columns)


def test_a_question_follows_the_picture_and_ends_before_the_answer():
    front = placeholder(TOKENIZER)
    colour = question_about(PICTURES[0], "colour", "red", "fr", WORDS, front)
    assert colour.text == f'{"<pad>" * IMAGE_TOKENS}Français: "rouge"'
    assert colour.text[slice(*colour.answer)] == 'rouge"'
    count = question_about(Picture("red", "two", PICTURES[0].pixels), "count", "five", "fr", WORDS, front)
    assert count.text.removeprefix(front) == 'Français: "rouge"\nFrançais: "cinq"'
    assert count.text[slice(*count.answer)] == 'cinq"'
    assert TOKENIZER(front, add_special_tokens=False)["input_ids"] == [TOKENIZER.pad_token_id] * IMAGE_TOKENS


def test_text_without_a_picture_is_read_as_before():
    text = tiny("llama")
    ids = torch.tensor([[1, 40, 50, 60]])
    expected = text(input_ids=ids).logits
    whole = seeing(text, TOKENIZER)
    assert whole.lm_head.weight is text.lm_head.weight
    torch.testing.assert_close(whole(input_ids=ids).logits, expected)


def test_the_text_part_of_a_shipped_model_that_sees_is_the_shipped_model():
    base = read_base("polyglot")
    model = load_model(seeing(base.fresh(), base.tokenizer), tokenizer=base.tokenizer)
    assert model.architecture == "LlamaForCausalLM" and model.abilities["head"] and model.abilities["neuron"]
    ids = torch.tensor([base.tokenizer('Deutsch: "Hund"')["input_ids"]])
    with torch.no_grad():
        gap = (model.bridge(ids) - base.module(input_ids=ids).logits).abs().max()
    assert float(gap) < 1e-4


def test_a_picture_changes_the_answer_and_filled_rows_do_not():
    whole, front = small(), placeholder(TOKENIZER)
    short = question_about(PICTURES[0], "colour", "red", "fr", WORDS, front)
    long = question_about(PICTURES[1], "count", "five", "fr", WORDS, front)

    def logits(*examples):
        (batch,) = example_batches(iter(examples), TOKENIZER, tokens=10_000, length=256)
        return predicted_of(whole, batch)[0], int(batch.marks[0].sum())

    alone, count = logits(short)
    together, _ = logits(short, long)
    torch.testing.assert_close(together[:count], alone, atol=1e-5, rtol=1e-4)
    other, _ = logits(replace(short, pixels=blank(PICTURES[0]).pixels))
    assert float((other - alone).detach().abs().max()) > 1e-6


def test_training_vision_changes_vision_alone_and_stage_two_its_layers_alone():
    whole = small()
    before = weights(whole)
    recipe = Recipe("vision", picture_questions(["de", "fr"]), picture_answers(), vision_part(), 2, 2, 128, 1e-2)
    losses = train(whole, recipe, made())
    moved = changed(before, weights(whole))
    assert len(losses) == 2 and moved
    assert all("vision_tower" in name or "multi_modal_projector" in name for name in moved)
    middle = weights(whole)
    train(whole, Recipe("text", questions(), answers(), text_layers([1]), 2, 2, 128), made())
    moved = changed(middle, weights(whole))
    assert moved and all(name.startswith("model.language_model.layers.1.") for name in moved)


def test_the_loss_and_the_picks_are_those_of_plain_loops():
    whole, front = small(), placeholder(TOKENIZER)

    def score(example):
        ids = TOKENIZER(example.text)["input_ids"]
        pixels = torch.from_numpy(example.pixels)[None]
        with torch.no_grad():
            logits = whole(input_ids=torch.tensor([ids]), pixel_values=pixels).logits[0]
        answer = TOKENIZER(example.text[slice(*example.answer)], add_special_tokens=False)["input_ids"]
        places = range(len(ids) - len(answer), len(ids))
        return [float(log_softmax(logits[place - 1], -1)[ids[place]]) for place in places]

    examples = [question_about(PICTURES[0], question, "red", "de", WORDS, front) for question in ("colour", "count")]
    (batch,) = example_batches(iter(examples), TOKENIZER, tokens=10_000, length=256)
    nats = [-value for example in examples for value in score(example)]
    assert float(picture_answers()(whole, batch)) == pytest.approx(sum(nats) / len(nats), abs=1e-4)

    picked = picks(whole, TOKENIZER, PICTURES, WORDS, "count")
    for row, language in enumerate(WORDS.columns):
        for column, picture in enumerate(PICTURES):
            sums = [sum(score(question_about(picture, "count", each, language, WORDS, front))) for each in COUNTS]
            assert picked[row, column] == int(np.argmax(sums))


def test_a_blank_is_answered_alike_whatever_is_asked_about():
    model = SimpleNamespace(module=small(), tokenizer=TOKENIZER)
    every = draw_all(np.random.default_rng(0))
    values = picture_choice(every, WORDS, "colour", shown=[blank(each) for each in every])(model)
    assert (values.mean("sample") == 1 / 7).all()
    assert values.name == "colour" and values.attrs["aligned"] == 1
    stage = seen(model, PICTURES, WORDS, np.zeros(3))
    own = picture_choice(PICTURES, WORDS, "colour")(model).mean("sample")
    assert (stage.right.sel(shown="own", measure="colour") == own).all()
    swap = picks(model.module, TOKENIZER, PICTURES, WORDS, "colour", shown=swapped(PICTURES))
    shown = [list(COLOURS).index(each.colour) for each in swapped(PICTURES)]
    assert stage.follows.sel(measure="colour").values.tolist() == (swap == shown).mean(1).tolist()


def test_words_that_pictures_cannot_be_asked_with_are_refused():
    def first(words, languages):
        return next(iter(picture_questions(languages)(replace(made(), words=words), np.random.default_rng(0))))

    with pytest.raises(UnknownLanguage, match="'en'"):
        first(WORDS, ["en"])
    with pytest.raises(BadCorpus, match="red"):
        first(WORDS.drop(index="red"), ["de"])
    same = pd.DataFrame(WORDS)
    same.loc["red", "de"] = same.loc["blue", "de"]
    with pytest.raises(BadCorpus, match="same word in 'de'"):
        first(same, ["de"])
    with pytest.raises(BrokenModel, match="padding token"):
        placeholder(SimpleNamespace(pad_token=None, pad_token_id=None, eos_token_id=2))
