"""What a laboratory will take: its steps, as passes of the base through texts."""

from workbench.model.model import Model
from workbench.studies.forecast import Work
from workbench.studies.laboratories.registry import Laboratory, settings
from workbench.text.readers import load_corpus

_PASSES = 3  # a step is a pass forwards and one backwards, which costs about two
_LENGTH = 128  # tokens of a row


def cost(function: Laboratory, model: Model, *, seeds: int | None, quick: bool) -> list[Work] | None:
    """Works that take about as long as the trainings of a laboratory; None where it does not say its steps.

    Args:
        function: the laboratory.
        model: the base.
        seeds: trainings of each condition; the laboratory's own number when None.
        quick: its quick settings.
    """
    own = settings(function, quick=quick)
    steps, controls = own.get("steps"), own.get("controls")
    if not isinstance(steps, int) or not isinstance(controls, list | tuple):
        return None
    trainings = (own["seeds"] if seeds is None or quick else seeds) * (1 + len(controls))
    texts = load_corpus("parallel", limit=8)
    tokens = sum(len(text.ids) for text in model.encode(texts, truncate=True))
    passes = _PASSES * trainings * steps * own.get("batch", 16) * _LENGTH / tokens
    return [Work(model, texts, passes, passes)]
