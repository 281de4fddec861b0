"""Outputs of two models against a plain loop over both tables of logits."""

import numpy as np
import pytest
import torch

from tests.merging.diffing.cases import CORPUS, QUICK, made, moved
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, NotFinite
from workbench.merging import side_by_side
from workbench.model.load import load_model
from workbench.text.corpus import Corpus


def outputs(before, after, corpus=CORPUS, **how):
    return side_by_side(before, after, corpus, parts=["outputs"], **{**QUICK, **how})["outputs"]


def by_hand(before, after, text):
    """Per token of a text: both divergences, both losses, and whether the likeliest token is another."""
    ids = torch.tensor([byte_tokenizer()(text)["input_ids"]])
    tables = [module(ids).logits[0].double() for module in (before, after)]
    rows = []
    for position in range(ids.shape[1] - 1):
        p, q = (torch.exp(table[position]) / torch.exp(table[position]).sum() for table in tables)
        token = int(ids[0, position + 1])
        forward, back = sum(q * (q / p).log()), sum(p * (p / q).log())
        rows.append([forward, back, -p[token].log(), -q[token].log(), float(p.argmax() != q.argmax())])
    return np.array([[float(value) for value in row] for row in rows])


@torch.no_grad()
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_equals_a_plain_loop(kind):
    result = outputs(made(kind), made(kind, seed=1))
    modules = tiny(kind), tiny(kind, 1)
    for language, texts in CORPUS.texts.items():
        tables = [by_hand(*modules, text) for text in texts]
        means = np.array([table.mean(0) for table in tables])
        row = result.sel(language=language)
        names = ["kl", "reverse_kl", "nll_before", "nll_after", "other_choice"]
        assert np.allclose([float(row[name]) for name in names], means.mean(0), rtol=1e-4, atol=1e-5)
        assert np.allclose(row.sample_kl, means[:, 0], rtol=1e-4)
        assert np.allclose(row.sample_nll_change, means[:, 3] - means[:, 2], atol=1e-4)
        assert np.isclose(row.nll_change, (means[:, 3] - means[:, 2]).mean(), atol=1e-4)
        every = np.sort(np.concatenate([table[:, 0] for table in tables]))[::-1]
        assert np.allclose(row.token_kl, every[:5], rtol=1e-4)
        assert row.predicted == sum(len(table) for table in tables)
        assert row.kl_low <= row.kl <= row.kl_high


@torch.no_grad()
def test_the_largest_token_is_shown_with_its_context():
    before, after = tiny("llama"), tiny("llama", 1)
    result = outputs(made(), made(seed=1)).sel(language="de")
    text, table = max(
        ((text, by_hand(before, after, text)) for text in CORPUS.texts["de"]), key=lambda two: two[1][:, 0].max()
    )
    position = int(table[:, 0].argmax())
    ids = byte_tokenizer()(text)["input_ids"]
    assert result.next.values[0] == byte_tokenizer().decode(ids[position + 1])
    assert result.context.values[0] == byte_tokenizer().decode(ids[max(0, position - 7) : position + 1])
    likeliest = [int(module(torch.tensor([ids])).logits[0, position].argmax()) for module in (before, after)]
    assert [result.choice_before.values[0], result.choice_after.values[0]] == [
        byte_tokenizer().decode([i]) for i in likeliest
    ]


def test_a_model_is_no_distance_from_itself():
    model = made()
    result = outputs(model, made())
    for name in ("kl", "reverse_kl", "nll_change", "other_choice", "kl_low", "kl_high"):
        assert (result[name] == 0).all(), name
    assert (result.nll_change_p_value == 1).all()
    assert (outputs(model, model).kl == 0).all()


def test_the_batch_size_changes_rounding_alone():
    before, after = made(), made(seed=1)
    whole, single = outputs(before, after, batch_size="auto"), outputs(before, after, batch_size=1)
    for name in ("kl", "nll_change", "sample_kl", "token_kl"):
        assert np.allclose(whole[name], single[name], rtol=1e-4, atol=1e-6)
    assert (whole.context == single.context).all()


def test_languages_may_have_different_numbers_of_texts():
    uneven = Corpus({"de": CORPUS.texts["de"], "en": CORPUS.texts["en"][:2]}, aligned=False, source="made")
    before, after = made(), made(seed=1)
    result, alone = outputs(before, after, uneven), outputs(before, after, CORPUS.select(["en"]).limit(2))
    assert np.isnan(result.sample_kl.sel(language="en")[2:]).all()
    assert np.isclose(result.kl.sel(language="en"), alone.kl[0], rtol=1e-4)


def test_other_tokenizers_are_refused():
    other = load_model(tiny("llama"), tokenizer=byte_tokenizer(bos=False))
    with pytest.raises(BadArgument, match="different tokens before a text"):
        outputs(made(), other)
    renamed = byte_tokenizer()
    renamed.add_tokens(["<new>"])
    with pytest.raises(BadArgument, match=r"different tokenizers \(the token '<new>' is missing in one"):
        outputs(made(), load_model(tiny("llama"), tokenizer=renamed))


def test_nan_is_refused():
    after = moved(["lm_head"])
    with torch.no_grad():
        after.module.get_output_embeddings().weight[5] = float("nan")
    with pytest.raises(NotFinite, match="an output is NaN or infinite for text"):
        outputs(made(), after)
