"""How a study opens its model: as its options have it."""

import pytest
from transformers import modeling_utils

from workbench.errors import BadArgument
from workbench.studies.options import Options, open_model


def test_a_device_map_reaches_the_library_that_places_weights(monkeypatch):
    place, asked = modeling_utils._get_device_map, []

    def recorded(model, device_map, *rest):
        asked.append(device_map)
        return place(model, device_map, *rest)

    monkeypatch.setattr(modeling_utils, "_get_device_map", recorded)
    open_model("polyglot", Options())
    assert asked == []
    open_model("polyglot", Options(device_map="auto"))
    assert asked == ["auto"]
    with pytest.raises(BadArgument, match="exclude each other"):
        open_model("polyglot", Options(device="cpu", device_map="auto"))
