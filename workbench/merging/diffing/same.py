"""What two models must share to be compared, and exclusive use of both."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from workbench.errors import BadArgument
from workbench.model.forward.alone import turn
from workbench.model.model import Model


@contextmanager
def both_alone(before: Model, after: Model) -> Iterator[None]:
    """Wait until no other thread uses either model; inside, others wait. The order is that of the modules' numbers."""
    with ExitStack() as turns:
        for model in sorted((before, after), key=lambda model: id(model.module)):
            turns.enter_context(turn(model))
        yield


def require_same_tokens(before: Model, after: Model) -> None:
    """Refuse models whose token ids mean different tokens.

    Raises:
        BadArgument: other vocabularies, other tokens added before a text, or another number of logits.
    """
    names = f"{before.name!r} and {after.name!r}"
    first, second = (dict(model.tokenizer.get_vocab()) for model in (before, after))
    if first != second:
        differ = min(token for token in first.keys() | second.keys() if first.get(token) != second.get(token))
        raise BadArgument(
            f"{names} have different tokenizers (the token {differ!r} is {first.get(differ, 'missing')} in one and "
            f"{second.get(differ, 'missing')} in the other); two models are compared token by token, so give two with "
            "one tokenizer"
        )
    if before.front != after.front:
        raise BadArgument(
            f"the tokenizers of {names} put different tokens before a text ({list(before.front)} and "
            f"{list(after.front)}); load one of the models with the other's tokenizer="
        )
    if before.n_vocabulary != after.n_vocabulary:
        raise BadArgument(
            f"{names} have {before.n_vocabulary} and {after.n_vocabulary} logits; two models are compared token by "
            "token, so give two with one vocabulary"
        )


def shape(model: Model) -> dict[str, int]:
    """Sizes that are equal where layers, heads and neurons of two models can be compared one by one."""
    return {
        "layers": model.n_layers,
        "d_model": model.d_model,
        "heads": model.n_heads,
        "d_head": model.d_head,
        "neurons": model.n_neurons,
    }


def require_same_shape(before: Model, after: Model, *sizes: str) -> None:
    """Refuse models that differ in one of these sizes.

    Raises:
        BadArgument: names the size and both numbers.
    """
    first, second = shape(before), shape(after)
    for size in sizes:
        if first[size] != second[size]:
            raise BadArgument(
                f"{before.name!r} has {first[size]} {size}, {after.name!r} has {second[size]}; this compares models of "
                "one shape, such as a checkpoint and what was trained from it"
            )
