"""A Result that can be made can be saved, whatever texts it holds; what no file can hold is refused when it is made."""

import numpy as np
import pytest

from workbench.errors import BadArgument
from workbench.results.files import load_result, save_result
from workbench.results.make import make_result, provenance

HALF, NUL = "a\ud83d", "a\0b"  # one half of an emoji, as a tokenizer's pieces have them; the byte 0


def made(values=(1.0, 2.0), labels=("a", "b"), name="x", axis="l", **options):
    given = {"method": "test", "parameters": {}, **options}
    return make_result({name: ((axis,), np.asarray(values), "words")}, {axis: list(labels)}, **given)


@pytest.mark.parametrize("text", [HALF, NUL, "🙂", "\u202eabc", "a\x1b[31m"])
def test_every_text_can_be_saved_and_stays_what_it_was_made_as(tmp_path, text):
    result = make_result(
        {"x": (("l",), np.array([text, "b"], dtype=object), text)},
        {"l": [text, "c"]},
        method="test",
        parameters={"text": text},
        corpus={"source": text},
        attrs={"note": text},
    )
    found = load_result(save_result(result, tmp_path / "a.nc"))
    assert found.identical(result)
    shown = text.replace("\0", "␀").replace("\ud83d", "\ufffd")
    assert found.x.values[0] == found.l.values[0] == found.note == found.x.long_name == shown
    assert provenance(found)["parameters"]["text"].replace("\0", "␀") == shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": np.array([1, None], dtype=object)}, "objects that are not text"),
        ({"values": np.array(["2020-01-01"] * 2, dtype="datetime64[s]")}, "is of type datetime64"),
        ({"values": np.array([1j, 2])}, "is of type complex128"),
        ({"labels": [b"a", b"b"]}, "'l' is of type"),
        ({"name": "a/b"}, "'a/b' is no name"),
        ({"name": ""}, "'' is no name"),
        ({"axis": "l/m"}, "'l/m' is no name"),
        ({"attrs": {"n": 10**30}}, "more than 64 bits"),
        ({"attrs": {"n": [1]}}, "is list"),
        ({"attrs": {"n/m": 1}}, "'n/m' is no name"),
    ],
)
def test_what_no_file_can_hold_is_refused_when_it_is_made(options, message):
    with pytest.raises(BadArgument, match=message):
        made(**options)


def test_what_was_added_later_is_saved_too(tmp_path):
    result = made(labels=("a", "b")).assign_coords(l=[HALF, "b"]).assign_attrs(note=NUL)
    found = load_result(save_result(result, tmp_path / "a.nc"))
    assert found.l.values.tolist() == ["a\ufffd", "b"] and found.note == "a␀b"
    assert result.l.values[0] == HALF  # the result itself is left as it is
