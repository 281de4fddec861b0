"""Signals: SIGTERM and SIGHUP stop as Ctrl-C does, and none comes between the bytes of a file."""

import os
import signal
import threading

import pytest

from workbench.results.resuming.stops import signals_deferred, stoppable

STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", STOPS)
def test_each_stops_what_runs(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stoppable():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_signal_that_somebody_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", STOPS)
def test_it_waits_for_the_end(number):
    done = []
    with pytest.raises(KeyboardInterrupt), stoppable(), signals_deferred():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        done.append(True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_inside_is_not_lost():
    with pytest.raises(ValueError), stoppable(), signals_deferred():
        raise ValueError
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_other_threads_have_no_signals():
    found = []

    def work():
        with stoppable(), signals_deferred():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
