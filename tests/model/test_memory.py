"""A budget changes how much runs at once, never what comes out."""

from types import SimpleNamespace

import pytest
import torch

import workbench as wb
from tests.models import byte_tokenizer, tiny
from workbench.errors import BadArgument, TooLarge
from workbench.model.batching import by_language, by_length
from workbench.model.forward.record import record
from workbench.model.load import load_model
from workbench.model.memory import (
    budget,
    cells_at_once,
    check_memory,
    measure_rows,
    recorded_bytes,
    sliced,
    texts_at_once,
)
from workbench.text.batches import Encoded


def test_a_budget_is_auto_bytes_or_text():
    assert check_memory("auto") == "auto"
    assert check_memory(5) == 5
    assert check_memory("1.5 GB") == 1_500_000_000
    for bad in (0, -3, True, 2.5, "4", "lots", "GB"):
        with pytest.raises(BadArgument, match="4 GB"):
            check_memory(bad)


def test_a_model_keeps_its_budget(wrapped):
    assert load_model(tiny("llama"), tokenizer=byte_tokenizer(), memory="3 MB").memory == 3_000_000
    assert budget(wrapped("llama")) > 10**6


def test_slices_hold_what_fits():
    assert sliced([2, 2, 2, 4, 8], 3, lambda length: 8 // length) == [3, 1, 1]
    assert sliced([2, 2, 2, 4, 8], 9, lambda length: 16 // length) == [4, 1]
    assert sliced([1] * 5, 2, lambda length: 100) == [2, 2, 1]


def test_texts_that_do_not_fit_together_become_smaller_batches(wrapped):
    model = wrapped("llama")
    encoded = [
        Encoded(list(range(4, 4 + n)), "de" if row % 2 else "fr", row) for row, n in enumerate((5, 9, 7, 9, 3, 9))
    ]
    per_text = 2 * (recorded_bytes(model, 9) + 10**5)
    model.memory = 2 * per_text
    try:
        most = texts_at_once(model, 9)
        batches = list(by_length(model, encoded, batch_size=32))
        assert 1 < most < len(encoded) and max(len(batch.rows) for batch in batches[-1:]) <= most
        assert sorted(row for batch in batches for row in batch.rows) == list(range(6))
        kinds = [set(batch.languages) for batch in by_language(model, encoded, batch_size=32)]
        assert all(len(kind) == 1 for kind in kinds)
        model.memory = 1000
        assert cells_at_once(model, 4, 9, 9) == 1
        with pytest.raises(
            TooLarge, match=r"a text of \d tokens needs about .* budget is 1 KB; memory=\d+ would suffice"
        ):
            list(by_length(model, encoded, batch_size=32))
    finally:
        model.memory = "auto"


def test_the_estimate_covers_what_a_recording_keeps(wrapped):
    model = wrapped("llama")
    batch = model.batch(["some text of some length"])
    recording = record(model, batch, heads=True, keys=True)
    tensors = [*recording.residual, *recording.z, *recording.attention, *sum(recording.keys_values, ())]
    stored = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert stored <= recorded_bytes(model, batch.ids.shape[1]) <= 3 * stored


def test_rows_grow_until_they_are_no_faster():
    model = SimpleNamespace(n_layers=1, output_weight=lambda layer: torch.zeros(2, 2, 4))
    ticks = iter(range(10**6))
    assert measure_rows(model, clock=lambda: next(ticks)) == 2**20  # a product costs the same whatever its rows
    now = [0.0, 0]

    def clock():  # every second call ends a product that takes as long as its number, doubled every five
        now[1] += 1
        if now[1] % 2 == 0:
            now[0] += max(4.0, 2.0 ** ((now[1] // 2 - 1) // 5))
        return now[0]

    assert measure_rows(model, clock=clock) == 256 * 4


def test_the_error_of_bfloat16_is_stated_in_every_result():
    model = load_model(tiny("llama"), tokenizer=byte_tokenizer(), dtype="bfloat16")
    plain = load_model(tiny("llama"), tokenizer=byte_tokenizer())
    assert plain.precision == "float32" and "float32" not in plain.parity
    assert 0 < model.parity["float32"] < 0.1 * model.parity["logit_scale"]
    result = wb.model.capture(model, "a text", "residual")
    assert result.attrs["precision"] == model.precision
    assert "bfloat16; on a probe logits differ from float32 by up to" in model.precision
