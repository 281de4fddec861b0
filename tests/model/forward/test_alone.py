"""Two threads on the same model compute what each computes by itself."""

import inspect
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.model.batching import streamed
from workbench.model.edits import edited
from workbench.model.forward.alone import turn
from workbench.model.forward.record import record
from workbench.model.metrics import nll
from workbench.text.corpus import Corpus

CORPUS = Corpus(
    {"de": ("der Hund", "eine Katze", "Wasser"), "fr": ("le chien", "un chat dort", "eau")}, aligned=True, source="dict"
)
SUBPACKAGES = (wb.heads, wb.neurons, wb.patching, wb.lens)
ANALYSES = {
    "ablate": lambda model: wb.heads.ablate(model, CORPUS, progress=False, batch_size=1).delta.values,
    "importance": lambda model: wb.heads.importance(model, CORPUS, progress=False, batch_size=1).importance.values,
    "firing": lambda model: wb.neurons.firing(model, CORPUS, progress=False, batch_size=1).fired.values,
    "kinds": lambda model: wb.heads.kinds(model, CORPUS, progress=False, batch_size=1).previous.values,
    "generation": lambda model: edited_loss(model),
}


@torch.no_grad()
def edited_loss(model):
    """Losses with a head off, from a pass whose edit stays while others would run."""
    batch = model.batch(["der Hund"])
    scales = torch.ones(model.n_layers, model.n_heads)
    scales[0, 1] = 0
    with edited(model, heads=scales):
        recording = record(model, batch)
        return nll.read(model, recording.residual[-1][None], recording.batch).numpy()


@contextmanager
def switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def in_threads(*jobs):
    """The results of jobs that start together, each in a thread of its own."""
    results, start = [None] * len(jobs), threading.Barrier(len(jobs))

    def work(place, job):
        start.wait()
        try:
            results[place] = job()
        except BaseException as error:  # shown by the comparison, in the thread that asserts
            results[place] = error

    threads = [threading.Thread(target=work, args=each) for each in enumerate(jobs)]
    with switching_often():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "the threads wait for each other"
    return results


@pytest.mark.parametrize(("first", "second"), [("ablate", "generation"), ("importance", "kinds"), ("firing", "ablate")])
def test_two_threads_compute_what_a_single_thread_does(wrapped, first, second):
    model = wrapped("llama")
    expected = [ANALYSES[name](model) for name in (first, second)]
    for _ in range(3):
        results = in_threads(*(lambda name=name: ANALYSES[name](model) for name in (first, second)))
        for values, alone in zip(results, expected, strict=True):
            np.testing.assert_array_equal(values, alone)


def test_passes_by_hand_wait_for_an_edit_in_another_thread(wrapped):
    model = wrapped("llama")
    batch = model.batch(["der Hund"])
    clean = model.states(batch)
    inside, done = threading.Event(), threading.Event()

    def edit():
        with edited(model, heads=torch.zeros(model.n_layers, model.n_heads)):
            inside.set()
            assert not done.wait(0.2)  # the other thread cannot finish before the edit is gone

    def run():
        inside.wait(10)
        states = model.states(batch)
        done.set()
        return states

    _, states = in_threads(edit, run)
    torch.testing.assert_close(states, clean, rtol=0, atol=0)


def test_a_thread_never_waits_for_itself(wrapped):
    model = wrapped("llama")
    with turn(model), turn(record(model, model.batch(["a b"]))), edited(model, neurons=None):
        batches = streamed(model, CORPUS, batch_size=1)
        assert len([model.states(batch.to(model.device)) for batch in batches]) == len(CORPUS)


def test_two_models_of_the_same_module_share_a_turn(wrapped):
    from dataclasses import replace

    model = wrapped("llama")
    assert turn(replace(model)) is turn(model)
    assert turn(wrapped("gpt2")) is not turn(model)


@pytest.mark.parametrize("subpackage", SUBPACKAGES, ids=lambda subpackage: subpackage.__name__.rpartition(".")[2])
def test_every_analysis_runs_alone(subpackage):
    taking = {
        name: getattr(subpackage, name)
        for name in subpackage.__all__
        if inspect.isroutine(getattr(subpackage, name))
        and name != "score_result"  # labels numbers; the model is asked for its name and shape
        and "model" in inspect.signature(getattr(subpackage, name)).parameters
    }
    assert taking
    layers = {name: [function] for name, function in taking.items()}
    for inside in layers.values():
        while hasattr(inside[-1], "__wrapped__"):
            inside.append(inside[-1].__wrapped__)
    missing = [
        name
        for name, inside in layers.items()
        if not any(function.__code__.co_filename.endswith("alone.py") for function in inside)
    ]
    assert not missing
