"""The objective on options against numbers by hand, and where its gradient goes."""

import math

import pytest
import torch
from torch import nn

from workbench.errors import BadArgument
from workbench.laboratories.parts.options.match import answer_scores, divergence, match_options
from workbench.laboratories.recipe import Example, ExampleBatch


class Table(nn.Module):
    """Logits that are parameters, the same at every position: [row, vocabulary]."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, input_ids, attention_mask, use_cache=False):
        class Output:
            logits = self.logits[:, None].expand(-1, input_ids.shape[1], -1)

        return Output()


def batch_of(ids, marks, examples):
    ids, marks = torch.tensor(ids), torch.tensor(marks, dtype=torch.bool)
    return ExampleBatch(ids, torch.ones_like(ids), marks, tuple(examples))


def two_options(weights, group="item", language="fi"):
    return [Example("x", (0, 1), language, group, weight) for weight in weights]


def table_with(*probabilities):
    """Of a row (a, b): token 1 has the probability a and token 2 b, up to a factor that is the same for all."""
    rest = 3.0
    return Table([[math.log(rest), math.log(a), math.log(b)] for a, b in probabilities])


def student(probabilities):
    """A module that gives two rows, whose answers are tokens 1 and 2, these probabilities."""
    return table_with(probabilities, probabilities)


IDS, MARKS = [[0, 1], [0, 2]], [[0, 1], [0, 1]]


def test_divergence_by_hand():
    first, second = torch.tensor([0.9, 0.1]).log(), torch.tensor([0.6, 0.4]).log()
    assert divergence(first, second).item() == pytest.approx(0.9 * math.log(1.5) + 0.1 * math.log(0.25))
    assert divergence(first, second).item() == pytest.approx(0.226, abs=5e-4)
    assert divergence(second, first).item() == pytest.approx(0.311, abs=5e-4)
    assert divergence(first, first).item() == 0


def test_the_teacher_is_the_weights():
    loss = match_options()(student((0.6, 0.4)), batch_of(IDS, MARKS, two_options((0.9, 0.1))))
    assert loss.item() == pytest.approx(0.2263, abs=1e-4)


def test_weights_need_not_sum_to_one():
    loss = match_options()(student((0.6, 0.4)), batch_of(IDS, MARKS, two_options((1.8, 0.2))))
    assert loss.item() == pytest.approx(0.2263, abs=1e-4)


def test_one_hot_weights_are_the_cross_entropy():
    module = student((0.6, 0.4))
    loss = match_options()(module, batch_of(IDS, MARKS, two_options((0.0, 1.0))))
    assert loss.item() == pytest.approx(-math.log(0.4))
    loss.backward()
    assert torch.isfinite(module.logits.grad).all()


def test_the_gradient_is_student_minus_teacher():
    module = student((0.6, 0.4))
    match_options()(module, batch_of(IDS, MARKS, two_options((0.9, 0.1)))).backward()
    # Of row 0 the answer's logit moves its own score only by 1 - softmax; of the score, the slope is 0.6 - 0.9.
    own = 1 - 0.6 / 4.0
    assert module.logits.grad[0, 1].item() == pytest.approx((0.6 - 0.9) * own, abs=1e-6)


def test_the_teacher_has_no_gradient():
    """Rows of a teacher in the batch would move its scores; as published it is numbers, and its parameters stay."""
    teacher = torch.tensor([0.9, 0.1], requires_grad=True)
    weights = teacher.detach().tolist()
    match_options()(student((0.6, 0.4)), batch_of(IDS, MARKS, two_options(weights))).backward()
    assert teacher.grad is None


def test_released_reverses_and_moves_both():
    module = table_with((0.6, 0.4), (0.6, 0.4), (0.9, 0.1), (0.9, 0.1))
    rows = two_options((1, 1), language="fi") + two_options((1, 1), language="de")
    loss = match_options(variant="released")(module, batch_of(IDS * 2, MARKS * 2, rows))
    assert loss.item() == pytest.approx(0.3112, abs=1e-4)
    loss.backward()
    assert (module.logits.grad[:, 1].abs() > 0.01).all()


def test_items_are_averaged():
    module = table_with((0.6, 0.4), (0.6, 0.4), (0.9, 0.1), (0.9, 0.1))
    rows = two_options((0.9, 0.1), group="a") + two_options((0.9, 0.1), group="b")
    loss = match_options()(module, batch_of(IDS * 2, MARKS * 2, rows))
    assert loss.item() == pytest.approx(0.2263 / 2, abs=1e-4)


def test_an_answer_of_several_tokens_is_their_product():
    module = table_with((0.6, 0.4))
    batch = batch_of([[0, 1, 2, 2]], [[0, 1, 1, 0]], [Example("x", (0, 1), "fi", "item")])
    assert answer_scores(module, batch).tolist() == pytest.approx([math.log(0.6 / 4) + math.log(0.4 / 4)])


@pytest.mark.parametrize(
    ("rows", "variant", "words"),
    [
        (two_options((1, 1), group=""), "paper", "no group"),
        (two_options((0, 0)), "paper", "weights"),
        (two_options((-1, 2)), "paper", "weights"),
        (two_options((1,), group="a") + two_options((1,), group="b"), "paper", "two options"),
        (two_options((1, 1)), "released", "student's language"),
    ],
)
def test_examples_that_are_no_item_are_refused(rows, variant, words):
    with pytest.raises(BadArgument, match=words):
        match_options(variant=variant)(student((0.6, 0.4)), batch_of(IDS, MARKS, rows))


def test_another_variant_is_refused():
    with pytest.raises(BadArgument, match="released"):
        match_options(variant="other")
