import datetime
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from workbench.errors import BadArgument, BadResult
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result, provenance


def small(**options):
    return make_result(
        {
            "delta": (("language", "layer", "head"), np.zeros((2, 3, 4), np.float32), "change of the loss [nats]"),
            "role": (("layer", "head"), np.full((3, 4), "none"), "role of the head"),
        },
        {"language": ["de", "ja"]},
        method="heads.ablate",
        parameters={"how": "zero"},
        **options,
    )


def test_axes_labels_and_units_are_named():
    result = small()
    assert dict(result.sizes) == {"language": 2, "layer": 3, "head": 4}
    assert result.delta.attrs == {"long_name": "change of the loss", "units": "nats"}
    assert result.role.attrs == {"long_name": "role of the head"}
    assert result.language.values.tolist() == ["de", "ja"]
    assert result.layer.values.tolist() == [0, 1, 2]
    assert result.sel(language="ja").delta.shape == (3, 4)
    assert result.attrs["method"] == "heads.ablate"
    assert result.attrs["format"] == 2


def test_torch_values_keep_their_type_and_bfloat16_becomes_float32():
    values = {
        name: (("x",), torch.ones(2, dtype=getattr(torch, name), requires_grad=name.startswith("f")), "")
        for name in ("float32", "int64", "bool")
    }
    values["bfloat16"] = (("x",), torch.tensor([1.0, 1 / 3], dtype=torch.bfloat16), "")
    result = make_result(values, {}, method="x", parameters={})
    assert [str(result[name].dtype) for name in values] == ["float32", "int64", "bool", "float32"]
    assert result["bfloat16"].values[1] == torch.tensor(1 / 3).bfloat16().item()


def test_provenance_is_complete():
    model = {"name": "tiny", "revision": "main", "hash": "ab", "dtype": "float32", "device": "cpu"}
    corpus = {"source": "parallel", "hash": "cd", "languages": ["de"], "counts": {"de": 1}}
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    found = provenance(small(model=model, corpus=corpus, seed=3))
    assert set(found) == {"method", "parameters", "model", "corpus", "seed", "versions", "time", "machine"}
    assert (found["method"], found["parameters"], found["seed"]) == ("heads.ablate", {"how": "zero"}, 3)
    assert (found["model"], found["corpus"]) == (model, corpus)
    assert set(found["versions"]) == {
        "workbench",
        "python",
        "torch",
        "transformers",
        "transformer_lens",
        "numpy",
        "xarray",
    }
    assert found["versions"]["xarray"] == xr.__version__
    assert before <= datetime.datetime.fromisoformat(found["time"]) <= datetime.datetime.now(datetime.UTC)


def test_parameters_of_any_kind_become_strict_json():
    parameters = {
        "heads": [(0, 1), (2, 3)],
        "rate": np.float32(0.5),
        "counts": np.arange(3),
        "layers": {3, 1},
        "out": Path("runs/demo"),
        "bar": float("nan"),
        "none": None,
        "dtype": torch.float32,
        4: True,
    }
    result = make_result({}, {"language": ["de"]}, method="x", parameters=parameters)

    def refuse(constant):
        raise AssertionError(constant)

    found = json.loads(result.attrs["provenance"], parse_constant=refuse)["parameters"]
    assert found == {
        "heads": [[0, 1], [2, 3]],
        "rate": 0.5,
        "counts": [0, 1, 2],
        "layers": [1, 3],
        "out": "runs/demo",
        "bar": "nan",
        "none": None,
        "dtype": "torch.float32",
        "4": True,
    }


def test_more_attributes_are_text_or_numbers():
    assert small(attrs={"lam": 0.04, "note": "x", "k": 2}).attrs["lam"] == 0.04
    for wrong in ([1], None, True, {"a": 1}):
        with pytest.raises(BadArgument, match="attribute 'wrong'"):
            small(attrs={"wrong": wrong})


def test_values_must_fit_their_axes():
    with pytest.raises(BadArgument, match=r"'v' has 3 values along 'language', which has 2"):
        make_result({"v": (("language",), np.zeros(3), "")}, {"language": ["a", "b"]}, method="x", parameters={})
    with pytest.raises(BadArgument, match=r"'w' has 3 values along 'layer', which has 2"):
        values = {"v": (("layer",), np.zeros(2), ""), "w": (("layer",), np.zeros(3), "")}
        make_result(values, {}, method="x", parameters={})
    with pytest.raises(BadArgument, match="one axis per dimension"):
        make_result({"v": (("layer",), np.zeros((2, 2)), "")}, {}, method="x", parameters={})


def test_a_dataset_of_someone_else_has_no_provenance():
    with pytest.raises(BadResult, match="no 'provenance'"):
        provenance(xr.Dataset())
    with pytest.raises(BadResult, match="not JSON"):
        provenance(xr.Dataset(attrs={"provenance": "{"}))


def test_text_with_the_byte_0_can_be_saved(tmp_path):
    labels = np.array(["a\0b", "c"], dtype=object)
    result = make_result({"token": (("position",), labels, "token")}, {}, method="test", parameters={"text": "a\0b"})
    save_result(result, tmp_path / "found.nc")
    assert load_result(tmp_path / "found.nc").token.values.tolist() == ["a␀b", "c"]


def test_a_provenance_of_another_form_is_refused():
    for text, why in (
        ("[" * 100_000, "is not JSON"),
        ("[1]", "is a list"),
        ("null", "is a NoneType"),
        ('{"model": "a"}', "a 'model' that is no object: 'a'"),
        ('{"parameters": [1]}', "a 'parameters' that is no object"),
    ):
        with pytest.raises(BadResult, match=why):
            provenance(xr.Dataset(attrs={"provenance": text}))


def test_an_attribute_of_its_own_cannot_be_given():
    with pytest.raises(BadArgument, match="attrs has 'format'"):
        make_result({}, {}, method="m", parameters={}, attrs={"format": "cloze"})
