"""What the numbers of a training may be."""

from workbench.arguments import finite, whole_number

UPDATES = ("steps", "planting", "vision_steps")  # none of them leaves a model as it is


def require(**numbers: float | None) -> None:
    """Refuse numbers that no training takes, before anything is trained or replaced; None is left to its default.

    Args:
        numbers: name of an argument to its value; what ends in `rate` is a learning rate, all else a count.

    Raises:
        BadArgument: a rate that is not positive; a count below 1, of updates below 0.
    """
    for name, value in numbers.items():
        if value is None:
            continue
        if name.endswith("rate"):
            finite(name, value, above=0)
        else:
            whole_number(name, value, at_least=0 if name in UPDATES else 1)
