"""Hooks read and write what they should, count, stop a pass, and are removed."""

import pytest
import torch
from torch import nn

from workbench.errors import UnsupportedSite
from workbench.model.hooks import (
    StopForward,
    after,
    before,
    entered_blocks,
    hooked,
    install,
    on_call,
    on_return,
    outer_hooks,
)

DOUBLE = nn.Sequential(nn.Identity(), nn.Identity())
ONES = torch.ones(2)


class Named(nn.Module):
    def forward(self, state, *, scale=1.0):
        return state * scale


def clean(module):
    return not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_values_are_read_and_written():
    seen = []
    hooks = [before(DOUBLE[0], lambda x: x + 1), after(DOUBLE[0], seen.append), after(DOUBLE[1], lambda x: 10 * x)]
    with hooked(hooks):
        assert DOUBLE(ONES).tolist() == [20, 20]
    assert seen[0].tolist() == [2, 2]
    assert DOUBLE(ONES).tolist() == [1, 1] and clean(DOUBLE)


def test_arguments_by_name():
    module, seen = Named(), []
    with hooked(
        [
            on_call(module, lambda args, named: (args, {**named, "scale": 3.0})),
            on_return(module, lambda args, named, output: seen.append((args[0], named, output))),
        ]
    ):
        assert module(ONES, scale=2.0).tolist() == [3, 3]
    assert seen[0][1] == {"scale": 3.0}


def test_a_stop_ends_the_block_and_nothing_else():
    def stop(value):
        raise StopForward

    reached = []
    with hooked([after(DOUBLE[0], stop), after(DOUBLE[1], reached.append)]):
        DOUBLE(ONES)
        reached.append("after")
    assert reached == [] and clean(DOUBLE)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_no_hook(error):
    with pytest.raises(error), hooked([before(DOUBLE[0], lambda x: x)], once="the first part"):
        raise error
    assert clean(DOUBLE)


@pytest.mark.parametrize("times", [0, 1, 2])
def test_a_hook_that_has_to_run_once(times):
    def run():
        with hooked([after(DOUBLE[1], lambda x: x), before(DOUBLE[0], lambda x: None)], once="the parts"):
            for _ in range(times):
                DOUBLE(ONES)

    if times == 1:
        run()
    else:
        with pytest.raises(UnsupportedSite, match=f"the parts: ran {times}, {times} times in one pass"):
            run()


def test_a_hook_that_cannot_be_put_on_takes_the_others_off():
    def hooks():
        yield before(DOUBLE[0], lambda x: x)
        raise KeyError

    with pytest.raises(KeyError), hooked(hooks()):
        pass
    assert clean(DOUBLE)


def test_an_installed_hook_stays():
    module = nn.Identity()
    install(after(module, lambda x: -x))
    assert module(ONES).tolist() == [-1, -1]


def test_an_extra_pass_is_seen_by_outer_blocks_alone():
    outer, inner = [], []
    with hooked([after(DOUBLE[0], outer.append)]):
        blocks = entered_blocks()
        with hooked([after(DOUBLE[0], inner.append), after(DOUBLE[1], lambda x: 10 * x)]):
            with outer_hooks(blocks):
                assert DOUBLE(ONES).tolist() == [1, 1]
            assert (len(outer), len(inner)) == (1, 0)
            assert DOUBLE(ONES).tolist() == [10, 10]
    assert (len(outer), len(inner)) == (2, 1)
    assert entered_blocks() == blocks - 1
