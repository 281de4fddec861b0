"""Tokens of each kind, whole documents, and what each condition never reads."""

import numpy as np
import pytest

import workbench as wb
from workbench.laboratories.pretraining.order import CONDITIONS
from workbench.laboratories.pretraining.toy import BATCH, LENGTH, rates, toy_recipe

TOKENS = 30_000


@pytest.fixture(scope="module")
def plans():
    return {
        condition: wb.laboratories.schedule(condition, tokens=TOKENS, share=0.3)
        for condition in ("none", *CONDITIONS[1:])
    }


def test_every_condition_reads_as_many_tokens_of_each_kind(plans):
    everything = TOKENS // (BATCH * LENGTH) * BATCH * LENGTH
    for condition, plan in plans.items():
        assert plan.ids.size == sum(plan.tokens.values()) == everything
        if condition == "none":
            assert plan.tokens["files"] == 0
        else:
            assert abs(plan.tokens["files"] - 0.3 * everything) <= LENGTH  # equal to a row
    assert len({plan.tokens["files"] for name, plan in plans.items() if name != "none"}) == 1


def test_rows_of_a_kind_are_its_documents_one_after_another(plans):
    """Nothing is padded, nothing is lost: the decoded rows are the documents, and only the last is cut."""
    tokenizer = wb.laboratories.pretraining.toy.toy_tokenizer(
        wb.laboratories.pretraining.documents.shipped_sources(("de", "en", "fr"))
    )
    for plan in plans.values():
        for kind, documents in plan.documents.items():
            ids = plan.ids[plan.kinds == kind].ravel()
            assert tokenizer.pad_token_id not in ids
            parts = np.split(ids, np.flatnonzero(ids == tokenizer.bos_token_id)[1:]) if len(ids) else []
            assert len(parts) == len(documents)
            for number, (part, document) in enumerate(zip(parts, documents, strict=True)):
                text = tokenizer.decode(part, skip_special_tokens=True)
                if number < len(parts) - 1:
                    assert part[-1] == tokenizer.eos_token_id and text == document.text
                else:
                    assert document.text.startswith(text.rstrip("\ufffd"))


def test_none_reads_no_pair_and_nothing_of_the_files(plans):
    assert plans["none"].documents["files"] == ()
    assert all(len(document.languages) == 1 for document in plans["none"].documents["text"])


def test_the_plain_text_is_the_same_in_every_condition(plans):
    first = plans["spread"].documents["text"]
    for name, plan in plans.items():
        same = plan.documents["text"][: len(first)]
        assert same == first, name


def test_steps_hand_out_the_rows_in_order(plans):
    plan = plans["last"]
    rows = [plan.rows(step, batch=BATCH, length=LENGTH, concepts=3, shares=None) for step in range(plan.steps)]
    assert np.array_equal(np.concatenate(rows), plan.ids)
    with pytest.raises(wb.errors.BadArgument, match="a step"):
        plan.rows(0, batch=2, length=LENGTH)


def test_a_seed_repeats_and_another_differs():
    same, again, other = (wb.laboratories.schedule("spread", tokens=4000, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(same.ids, again.ids)
    assert not np.array_equal(same.ids, other.ids)


def test_only_last_starts_anew_and_only_as_released(plans):
    assert not any(plan.restart for plan in plans.values())
    last = wb.laboratories.schedule("last", tokens=TOKENS, share=0.25, variant="released")
    assert last.restart == int(np.argmax(last.kinds == "files")) // BATCH > 0
    assert wb.laboratories.schedule("first", tokens=TOKENS, variant="released").restart == 0


def test_rates_warm_up_again_after_a_restart():
    released = rates(1590, restart=1000, released=True)
    assert released(0) < 0.1 and released(1000) < 0.1
    assert released(19) == released(1019) == pytest.approx(1.0, abs=1e-3)
    assert released(999) == pytest.approx(0.1 + 0.9 * (1 + np.cos(np.pi * 999 / 1590 / 9)) / 2)
    assert rates(100)(100) == 0.0


def test_wrong_plans_are_refused():
    for options, words in (
        ({"condition": "late"}, "last_one_way"),
        ({"condition": "last", "tokens": 10}, "from 512"),
        ({"condition": "last", "tokens": 4000, "share": 1e-6}, "share"),
        ({"condition": "last", "share": 1.5}, "share"),
        ({"condition": "last", "variant": "theirs"}, "released"),
    ):
        with pytest.raises(wb.errors.BadArgument, match=words):
            wb.laboratories.schedule(**options)


def test_the_toy_has_the_size_that_the_page_says():
    recipe = toy_recipe(5, 0, range(1200))
    assert (recipe.layers, recipe.width, recipe.heads, recipe.vocabulary, recipe.steps) == (4, 96, 8, 1200, 5)
