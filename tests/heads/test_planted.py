"""The methods on a model in which it is known which head serves which language."""

import numpy as np
import pytest

import workbench as wb
from tests.heads.planted import HEAD, planted, texts
from tests.models import byte_tokenizer
from workbench.model.load import load_model

SERVES = {"en": {HEAD["en"], HEAD["all"]}, "de": {HEAD["de"], HEAD["all"]}, "fr": {HEAD["all"]}}


@pytest.fixture(scope="module")
def model():
    return load_model(planted(), tokenizer=byte_tokenizer())


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("importance", {"variant": "paper"}),
        ("importance", {"variant": "released"}),
        ("ablate", {"how": "zero"}),
    ],
)
def test_roles_are_those_that_were_planted(model, method, options):
    result = getattr(wb.heads, method)(model, texts(), progress=False, **options)
    found = wb.heads.roles(result, quantile=0.7)
    for language, heads in SERVES.items():
        assert {tuple(cell) for cell in np.argwhere(found.member.sel(language=language).to_numpy())} == heads
    for name, role in (("en", "specific"), ("de", "specific"), ("all", "general")):
        assert str(found.role.to_numpy()[HEAD[name]]) == role
    assert (found.role == "none").sum() == 5
    assert found.specific_to.to_numpy()[HEAD["en"]] == "en" and found.specific_to.to_numpy()[HEAD["de"]] == "de"


def test_what_a_language_does_not_use_changes_nothing_at_all(model):
    slope = wb.heads.importance(model, texts(), progress=False).gradient
    result = wb.heads.ablate(model, texts(), progress=False)
    for language, heads in SERVES.items():
        for layer, head in np.ndindex(2, 4):
            cell = {"language": language, "layer": layer, "head": head}
            if (layer, head) in heads:
                assert result.delta.sel(cell) > 0.1 and result.low.sel(cell) > 0.1
                assert result.p_value.sel(cell) < 0.05 and slope.sel(cell) < -0.01
            else:
                assert abs(result.delta.sel(cell)) < 1e-6 and abs(slope.sel(cell)) < 1e-6


def test_mean_and_resample_put_other_languages_in(model):
    zero, mean, resample = (
        wb.heads.ablate(model, texts(), how=how, progress=False).delta for how in ("zero", "mean", "resample")
    )
    for name in ("en", "de"):
        layer, head = HEAD[name]
        for delta in (zero, mean, resample):
            assert delta.sel(language=name, layer=layer, head=head) > 0.1
    foreign = {"language": "fr", "layer": HEAD["en"][0], "head": HEAD["en"][1]}
    assert abs(zero.sel(foreign)) < 1e-6, "French does not use the English head"
    assert abs(mean.sel(foreign)) > 1e-4 and abs(resample.sel(foreign)) > 1e-4, "but is disturbed by its output"
