"""Transfer against single passes of the unwrapped module."""

import numpy as np
import pytest
import torch

import workbench as wb
from tests.heads.cases import model, module
from tests.models import byte_tokenizer
from tests.oracles import heads_soft_mask as oracle
from workbench.errors import BadArgument, BadPairs
from workbench.heads.groups import random_groups

ASKED = [
    {"prompt": "Anna: Rom. Anna: Oslo. Anna:", "own": " Rom", "other": " Oslo"},
    {"prompt": "Ben: rot. Ben: blue. Ben:", "own": " rot", "other": " blue"},
    {"prompt": "Cem: drei. Cem: two. Cem:", "own": " drei", "other": " two"},
]
HEADS = [(0, 1), (2, 3)]


def preference(kind, scales):
    found, mask = [], torch.tensor(scales, dtype=torch.float32)
    for one in ASKED:
        prompt = byte_tokenizer()(one["prompt"])["input_ids"]
        with torch.no_grad():
            own, other = (
                float(
                    oracle.answer_loss(module(kind), prompt, byte_tokenizer(bos=False)(one[name])["input_ids"], mask)[0]
                )
                for name in ("own", "other")
            )
        found.append(other - own)
    return np.array(found)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_every_preference_is_that_of_a_single_pass(kind):
    found = wb.heads.transfer(model(kind), ASKED, heads=HEADS, controls=2, batch_size=2, progress=False, seed=3)
    mask = np.zeros((3, 4), dtype=bool)
    mask[0, 1] = mask[2, 3] = True
    plain = preference(kind, np.ones((3, 4)))
    drawn = random_groups("transfer", mask, 2, seed=3)
    assert found.scale.values.tolist() == [1.0, 0.0, 3.0]
    np.testing.assert_allclose(found.sample_preference.sel(scale=1), plain, atol=1e-4)
    for scale in (0.0, 3.0):
        own = preference(kind, np.where(mask, scale, 1.0))
        chance = [preference(kind, np.where(one, scale, 1.0)) - plain for one in drawn]
        np.testing.assert_allclose(found.sample_preference.sel(scale=scale), own, atol=1e-4)
        np.testing.assert_allclose(found.control_shift.sel(scale=scale), np.mean(chance, 1), atol=1e-4)
        expected = (own - plain - np.mean(chance, 0)).mean()
        np.testing.assert_allclose(found.moved.sel(scale=scale), expected, atol=1e-4)
        assert float(found.own_share.sel(scale=scale)) == (own > 0).mean()
    assert float(found.moved.sel(scale=1)) == 0 and np.isnan(found.p_value.sel(scale=1))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"conflicts": ASKED[:1]}, BadPairs, "at least two"),
        ({"conflicts": [{"prompt": "a", "own": "b"}] * 2}, BadPairs, "conflict 0 has no other"),
        ({"heads": []}, BadArgument, "names none"),
        ({"scales": (1.0,)}, BadArgument, "other than 1"),
        ({"controls": 0}, BadArgument, "controls=0"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, message):
    given = {"conflicts": ASKED, "heads": HEADS, **options}
    with pytest.raises(error, match=message):
        wb.heads.transfer(model("llama"), given.pop("conflicts"), progress=False, **given)
