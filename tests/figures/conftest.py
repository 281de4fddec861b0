"""Small results with every axis a figure can meet, made by hand."""

import numpy as np
import pytest
import xarray as xr

from workbench.results.make import make_result

LANGUAGES = ["ja", "ar", "hi", "de"]  # out of order on purpose: figures sort by code
LAYERS, HEADS, NEURONS, POSITIONS = 3, 4, 300, 5


def _make(variables, coords=None):
    return make_result(
        variables,
        coords or {},
        method="tests",
        parameters={},
        model={"name": "tiny"},
        corpus={"source": "by hand"},
        seed=0,
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def heads(rng) -> xr.Dataset:
    """Importance (never negative), gradient, delta with an interval and p-values, membership."""
    dims = ("language", "layer", "head")
    shape = (len(LANGUAGES), LAYERS, HEADS)
    delta = rng.normal(size=shape)
    return _make(
        {
            "importance": (dims, rng.random(shape).astype(np.float32), "LAHIS importance [nats]"),
            "gradient": (dims, rng.normal(size=shape) + 5, "gradient of the NLL [nats]"),
            "delta": (dims, delta, "rise of NLL without the head [nats]"),
            "low": (dims, delta - 0.5, "lower end of the interval [nats]"),
            "high": (dims, delta + 0.5, "upper end of the interval [nats]"),
            "p_value": (dims, rng.random(shape), "corrected p-value"),
            "member": (dims, rng.random(shape) > 0.7, "belongs to the language"),
            "sample_delta": (("sample", *dims), rng.normal(size=(2, *shape)), "per sample"),
            "baseline": (("language",), rng.random(4), "NLL [nats]"),
        },
        {"language": LANGUAGES},
    )


@pytest.fixture
def roles() -> xr.Dataset:
    words = np.array([["none", "specific", "general"], ["shared", "none", "none"]])
    return _make({"role": (("layer", "head"), words, "role of the head")})


@pytest.fixture
def neurons(rng) -> xr.Dataset:
    dims = ("language", "layer", "neuron")
    counts = rng.integers(0, 9, (len(LANGUAGES), LAYERS, NEURONS))
    return _make({"fired": (dims, counts, "tokens at which the neuron fired [tokens]")}, {"language": LANGUAGES})


@pytest.fixture
def sweep(rng) -> xr.Dataset:
    effect = rng.random((LAYERS, POSITIONS))
    effect[0, 1] = -0.25
    effect[2, 2] = np.nan
    result = _make({"effect": (("layer", "position"), effect, "share of the logit difference restored")})
    return result.assign_coords(token=("position", ["<s>", "犬", " is", "a\n", "<b>"]))


@pytest.fixture
def grid(rng) -> xr.Dataset:
    dims = ("source_layer", "target_layer")
    return _make({"effect": (dims, rng.normal(size=(3, 3)), "share of the logit difference restored")})


@pytest.fixture
def lens(rng) -> xr.Dataset:
    dims = ("language", "layer")
    values = rng.random((len(LANGUAGES), LAYERS))
    return _make(
        {
            "probability": (dims, values, "probability of the language's words"),
            "low": (dims, values - 0.1, "lower end of the interval"),
            "high": (dims, values + 0.1, "upper end of the interval"),
        },
        {"language": LANGUAGES},
    )
