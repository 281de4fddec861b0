"""Every public function, given something wrong for each argument in turn, answers with an error of ours."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import public
from workbench.errors import BadArgument, TooFewLanguages, UnknownLanguage, WorkbenchError

FUNCTIONS = public.functions()
# What is right of some arguments: it says nothing of arguments and makes the walk long.
RIGHT = {
    **dict.fromkeys(("progress", "truncate", "quick"), (True, False)),
    **dict.fromkeys(("steps", "items", "seeds", "batch", "windows", "draws", "batch_size"), (3,)),
    **dict.fromkeys(("folder", "licence"), ("xx", "polyglot", "de,de")),
    **{"seed": (0, 3), "rate": (3, 1.5, 2**80), "recipe": (None,), "base": ("polyglot",), "models": (None, "polyglot")},
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=4) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
# Values of the right type that mean nothing: name of an argument to some of them, wherever it is taken.
MEANINGLESS = {
    "batch_size": (0, -1, "all"),
    "seed": (-1, True),
    "level": (0, 1, 2, float("nan")),
    "limit": (0, -1),
    "shots": (-1,),
    "controls": (-1,),
    "permutations": (-1,),
    "resamples": (0,),
    "tokens": (0,),
    "prompt": (0,),
    "epochs": (0,),
    "steps": (-1,),
    "windows": (0, -1),
    "batch": (0,),
    "items": (0,),
    "seeds": (0,),
    "rows": (0,),
    "sample": (0,),
    "count": (0,),
    "contexts": (0,),
    "window": (0,),
    "draws": (0,),
    "points": (0, 1),
    "most": (0,),
    "candidates": (-1,),
    "first": (1,),
    "top": (0, -1),
    "shared_by": (1,),
    "layer": (99, -1),
    "neuron": (99, -1),
    "position": (99, -99),
    "drop": (1.0, "xx"),
    "columns": (0,),
    "least": (0,),
    "margin": (1, -1),
    "quantile": (7, -0.1),
    "top_rate": (-1, 0, 2),
    "bar": (5, 0),
    "often": (0, 2),
    "share": (0, 2),
    "parameters": (0, 2),
    "held_out": (0, 1),
    "confidence": (1, 0),
    "rate": (0, -1),
    "scale": (float("nan"), float("inf")),
    "tolerance": (-1, float("nan")),
    "budget": (-1, float("nan")),
    "lam": (-1, float("nan")),
    "noise": (-1, float("nan")),
    "languages": ("xx", "de,xx", "de,de", ["de", "de"], []),
    "source": ("xx", ["xx"]),
    "target": ("xx", ["xx"]),
    "shown": ("xx",),
    "trained": ("xx", ["de", "de"]),
    "keep": ("xx", "de,de", []),
    "on": ("xx",),
    "off": ("xx",),
    "heads": ([(0, 99)], [(0.0, 1.0)], [(True, 0)], [0], "L0H1"),
    "doses": ([], [-1.0], [1.0, 1.0]),
    "scales": ([], [float("nan")]),
    "sentences": ([], [0, 0], [99], [True]),
    "methods": (["random"], ["random", "xx"]),
    "metric": ("xx", ""),
    "site": ("xx", ""),
    "how": ("xx",),
    "variant": ("xx",),
    "direction": ("xx",),
}
SOURCES = ("load_corpus", "load_pairs", "load_words")  # whose `source` is a file or a table
# Arguments of the same name that mean something else, with what means nothing there.
OTHERS = {
    **{(name, "source"): () for name in SOURCES},
    ("lens.logit_lens", "target"): ("", " ", "\n"),  # a word
    ("live.lens", "target"): ("", " ", "\n"),  # a word
    ("circuits.graph", "target"): ("", 1.5, -1, ("x", "x")),  # a word, a token id, a pair of them
    ("merging.layer_map", "top"): (-1, 32),
    ("circuits.firing", "draws"): (-1,),  # 0 is none
    ("figures.lens_grid", "prompt"): (-1, 99, True, [], [0, 0], [99]),  # the number of a text
}


def values(made) -> list:
    """What no argument, or hardly any, means."""
    return [
        *(None, True, False, 0, -1, 3, 2**80, 1.5, -0.5, float("nan"), float("inf"), np.int64(-7), np.zeros((2, 2))),
        *("", "xx", "polyglot", "de,de", "a\0b", b"bytes", object(), len),
        *([], ["xx"], [None], [[]], [[1, 2], [3]], [(0, 99)], [float("nan"), -1]),
        *({}, {"de": 1}, {"xx": [[]]}, {None: None}),
        *(pd.DataFrame(), pd.DataFrame({"de": ["a", None]}), xr.Dataset()),
        xr.Dataset(dict.fromkeys(("fired", "tokens", "importance", "kind", "member", "mask", "weight"), ((), 1.0))),
        *(made.model, made.corpus, made.pairs, made.words),
        *(made.counts, made.ablate, made.classes, made.circuit, made.tuned, made.mask_result),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A model, texts and small results of each kind."""
    return public.made(str(tmp_path_factory.mktemp("made")))


@pytest.fixture(scope="module")
def valid(made):
    """Name of a function to arguments that it takes."""
    return public.arguments(made)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Names of files that are no files are written into a folder of the test's."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parameters(name: str) -> list[str]:
    """What a function takes by name or place."""
    taken = inspect.signature(FUNCTIONS[name]).parameters.values()
    return [one.name for one in taken if one.kind is not inspect.Parameter.VAR_KEYWORD and one.name != "self"]


def is_right(parameter: str, value) -> bool:
    """Whether a value is one of `RIGHT`; True is not 1."""
    return any(type(value) is type(one) and value == one for one in RIGHT.get(parameter, ()))


def complaint(name: str, options: dict) -> str:
    """What is wrong with the answer to a call; nothing where it returns, or raises a one-line error of ours."""
    try:
        public.call(FUNCTIONS[name], options)
    except WorkbenchError as error:
        return f"more than one line: {error}" if "\n" in str(error) else ""
    except Exception as error:
        return repr(error)
    return ""


def test_every_public_function_is_walked_over(valid):
    assert set(FUNCTIONS) == set(valid), "tests/public.py needs small arguments for every public function"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_arguments_are_taken(valid, name):
    public.call(FUNCTIONS[name], valid[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_arguments_are_answered_by_an_error_of_ours(made, valid, name):
    wrong = []
    for parameter in parameters(name):
        for value in values(made):
            if value is valid[name].get(parameter) or is_right(parameter, value):
                continue
            problem = complaint(name, {**valid[name], parameter: value})
            wrong += [f"{parameter}={str(value)[:40]!r}: {problem}"] if problem else []
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if parameters(name)])
@settings(max_examples=20, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_odd_values_are_answered_by_an_error_of_ours(valid, name, data):
    taken = [one for one in parameters(name) if one not in RIGHT] or parameters(name)
    parameter = data.draw(st.sampled_from(taken))
    value = data.draw(ODD)
    assert not complaint(name, {**valid[name], parameter: value})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_without_a_meaning_are_refused(valid, name):
    for parameter in parameters(name):
        for value in OTHERS.get((name, parameter), MEANINGLESS.get(parameter, ())):
            try:
                public.call(FUNCTIONS[name], {**valid[name], parameter: value})
            except WorkbenchError:
                continue
            pytest.fail(f"{name} takes {parameter}={value!r}")


def test_errors_say_what_would_work(made, valid):
    for name, change, error, message in (
        ("heads.ablate", {"model": "polyglot"}, BadArgument, r"load it first: wb\.load_model\('polyglot'\)"),
        ("heads.ablate", {"corpus": "parallel"}, BadArgument, r"load it first: wb\.load_corpus\('parallel'\)"),
        ("heads.ablate", {"corpus": made.words}, BadArgument, r"corpus=<DataFrame>; give a Corpus \(wb\.load_corpus\)"),
        ("heads.ablate", {"level": float("nan")}, BadArgument, "level=nan; give a finite number"),
        ("heads.ablate", {"batch_size": 0}, BadArgument, "batch_size=0; give a whole number from 1, or 'auto'"),
        ("heads.ablate", {"batch_size": True}, BadArgument, "batch_size=True; give a whole number or a text"),
        ("neurons.firing", {"batch_size": 0}, BadArgument, "batch_size=0; give a whole number from 1, or 'auto'"),
        ("neurons.lape", {"firing": "counts.nc"}, BadArgument, r"load it first: wb\.load_result\('counts\.nc'\)"),
        ("neurons.lape", {"bar": 5}, BadArgument, "bar=5; give a finite number above 0 and below 1"),
        ("lens.depth", {"source": "xx"}, UnknownLanguage, "'xx' is not in this word list"),
        ("Corpus.select", {"languages": "de,de"}, BadArgument, "'de,de' has de twice; name each language once"),
        ("neurons.by_lingua", {"languages": []}, TooFewLanguages, "give two or more"),
    ):
        with pytest.raises(error, match=message):
            public.call(FUNCTIONS[name], {**valid[name], **change})


def test_numbers_of_numpy_are_numbers(valid):
    options = {**valid["heads.top"], "share": np.float32(0.1), "own": np.True_}
    assert public.call(FUNCTIONS["heads.top"], options) == public.call(FUNCTIONS["heads.top"], valid["heads.top"])
    options = {**valid["heads.roles"], "shared_by": np.int64(2), "seed": np.int32(0)}
    assert public.call(FUNCTIONS["heads.roles"], options).equals(
        public.call(FUNCTIONS["heads.roles"], valid["heads.roles"])
    )


def test_what_is_missing_or_unknown_is_pythons_own_error(made):
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'corpus'"):
        FUNCTIONS["heads.ablate"](made.model)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sed'"):
        FUNCTIONS["heads.ablate"](made.model, made.corpus, sed=1)
