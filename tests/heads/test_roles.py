"""Roles by hand and against the loop."""

import numpy as np
import pytest
import xarray as xr

import workbench as wb
from tests.heads.cases import corpus, model
from tests.oracles import heads as oracle
from workbench.errors import BadArgument, TooFewLanguages

roles = wb.heads.roles


def scores(tables, name="importance") -> xr.Dataset:
    """A Dataset of scores from {language: [layer, head] nested lists}."""
    values = np.array(list(tables.values()), dtype=float)
    return xr.Dataset({name: (("language", "layer", "head"), values)}, {"language": list(tables)})


# Six heads; the 0.6 quantile of six numbers is the fourth smallest (0.6 * 5 = 3), so two heads lie strictly above it.
BY_HAND = {
    "ar": [[9, 8, 0], [1, 2, 3]],
    "de": [[9, 0, 8], [1, 2, 3]],
    "en": [[9, 8, 0], [1, 2, 3]],
    "fr": [[9, 0, 0], [8, 2, 3]],
}


@pytest.mark.parametrize("name", ["importance", "delta"])
def test_roles_by_hand(name):
    result = roles(scores(BY_HAND, name), quantile=0.6)
    assert result.role.to_numpy().tolist() == [["general", "shared", "specific"], ["specific", "none", "none"]]
    assert result.specific_to.to_numpy().tolist() == [["", "", "de"], ["fr", "", ""]]
    assert result.member.sel(language="ar").to_numpy().tolist() == [[True, True, False], [False, False, False]]
    assert result.member.dtype == bool and result.member.dims == ("language", "layer", "head")
    assert result.threshold.to_numpy().tolist() == [3, 3, 3, 3]


def test_the_quantile_is_interpolated_and_excluded():
    table = [[0, 1, 2, 3, 4]]
    two = {"de": table, "en": [[4, 3, 2, 1, 0]]}
    result = roles(scores(two), quantile=0.5)
    assert result.member.sel(language="de").to_numpy().tolist() == [[False, False, False, True, True]]
    assert roles(scores(two), quantile=0.6).threshold.to_numpy().tolist() == pytest.approx([2.4, 2.4])
    assert not roles(scores({"de": [[1, 1]], "en": [[1, 1]]}), quantile=0.0).member.any(), "equal heads: none above"


def test_with_fewer_languages_general_means_all_of_them():
    two = {code: BY_HAND[code] for code in ("ar", "en")}
    result = roles(scores(two), quantile=0.6)
    assert result.role.to_numpy().tolist() == [["general", "general", "none"], ["none", "none", "none"]]
    assert result.attrs["shared_by"] == 2
    assert roles(scores(BY_HAND), quantile=0.6, shared_by=2).role.to_numpy()[0].tolist() == [
        "general",
        "general",
        "specific",
    ]


@pytest.mark.parametrize("seed", range(5))
def test_roles_are_the_loop(seed):
    rng = np.random.default_rng(seed)
    languages, quantile, shared_by = int(rng.integers(2, 7)), float(rng.uniform(0, 0.99)), int(rng.integers(2, 6))
    tables = {f"x{k}": rng.integers(0, 9, (3, 5)).tolist() for k in range(languages)}
    result = roles(scores(tables), quantile=quantile, shared_by=shared_by)
    role, members = oracle.roles(tables, quantile, shared_by)
    for (layer, head), expected in role.items():
        assert str(result.role[layer, head].item()) == expected
    for language, chosen in members.items():
        assert {tuple(cell) for cell in np.argwhere(result.member.sel(language=language).to_numpy())} == chosen


def test_cells_that_were_not_measured_belong_to_nobody():
    tables = {"de": [[5, np.nan, 1]], "en": [[1, np.nan, 5]]}
    result = roles(scores(tables), quantile=0.5)
    assert result.role.to_numpy().tolist() == [["specific", "none", "specific"]]
    assert result.threshold.to_numpy().tolist() == [3, 3]


def test_roles_of_a_real_result_keep_its_provenance_and_are_saved(tmp_path):
    measured = wb.heads.importance(model("llama"), corpus(), progress=False)
    result = roles(measured, quantile=0.8)
    wb.save_result(result, tmp_path / "roles.nc")
    again = wb.load_result(tmp_path / "roles.nc")
    assert again.role.to_numpy().tolist() == result.role.to_numpy().tolist()
    assert '"variant": "paper"' in result.attrs["provenance"] and model("llama").digest in result.attrs["provenance"]


@pytest.mark.parametrize("options", [{"quantile": 1.0}, {"quantile": -0.1}, {"shared_by": 1}, {"shared_by": 2.0}])
def test_bad_options(options):
    with pytest.raises(BadArgument, match=next(iter(options))):
        roles(scores(BY_HAND), **options)


def test_bad_results():
    with pytest.raises(TooFewLanguages, match="de"):
        roles(scores({"de": BY_HAND["de"]}))
    with pytest.raises(BadArgument, match=r"score\[language, layer, head\]"):
        roles(scores(BY_HAND, "score"))
    with pytest.raises(BadArgument, match="no number for en"):
        roles(scores({"de": BY_HAND["de"], "en": [[np.nan] * 3] * 2}))
