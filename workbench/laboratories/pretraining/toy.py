"""The toy model: its tokenizer, its size, and its training on a schedule."""

import math
from collections.abc import Callable
from typing import Any

from tqdm.auto import tqdm

from workbench.errors import NotFinite
from workbench.laboratories.pretraining.documents import Sources, line
from workbench.training.optimizer import schedule as rate_schedule
from workbench.training.pretrain import Recipe, Run, make_model
from workbench.training.tokenizer import train_tokenizer, wrap_tokenizer

BATCH, LENGTH, CONTEXT, VOCABULARY = 4, 128, 256, 1200
_WARMUP, _LONGER, _LEAST = 2000 / 159_000, 9.0, 0.1  # released: warm-up, cosine's length in runs, lowest rate


def toy_tokenizer(sources: Sources, *, vocabulary: int = VOCABULARY) -> Any:
    """A byte-level BPE tokenizer of the sources' training sentences and words, a function of these."""
    words = [line(code, word) for code in sources.languages for word in sources.words[code]]
    texts = [text for code in sources.languages for text in (*sources.text[code], *sources.sentences[code])]
    spaced = [f" {text}" for text in texts]
    return wrap_tokenizer(train_tokenizer([*words * 20, *texts, *spaced], vocabulary=vocabulary), context=CONTEXT)


def toy_recipe(steps: int, seed: int, tokenizer: Any, *, width: int = 96, layers: int = 4) -> Recipe:
    """Hyperparameters of the toy: 4 layers of 96, 8 heads."""
    return Recipe(
        steps=steps,
        seed=seed,
        vocabulary=len(tokenizer),
        width=width,
        inner=256,
        layers=layers,
        context=CONTEXT,
        batch=BATCH,
        length=LENGTH,
    )


class ScheduledRun(Run):
    """A run whose learning rate is a function of the step that is given."""

    rates: Callable[[int], float]

    @property
    def rate(self) -> float:
        """Factor on the learning rates."""
        return self.rates(self.done)


def rates(steps: int, *, restart: int = 0, released: bool = False) -> Callable[[int], float]:
    """Step to the factor on the learning rates.

    Args:
        steps: of the run.
        restart: step at which counting begins again, as released.
        released: warm up and then follow a cosine that would end after nine runs; else that of the shipped model,
            which decays to zero, the same for every condition.
    """

    def factor(step: int) -> float:
        if not released:
            return rate_schedule(step / steps)
        done = (step - restart if step >= restart else step) / steps
        cosine = _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done / _LONGER)) / 2
        return min(cosine, (done + 1 / steps) / _WARMUP)

    return factor


def pretrain(
    plan: Any, tokenizer: Any, *, seed: int, released: bool = False, progress: bool = True
) -> tuple[Any, list]:
    """A model trained from scratch on a Schedule, and its loss at every step, in nats per token.

    Raises:
        NotFinite: the loss is NaN or infinite; names the step.
    """
    recipe = toy_recipe(plan.steps, seed, tokenizer)
    run = ScheduledRun(recipe, make_model(recipe, tokenizer), plan)
    run.rates = rates(plan.steps, restart=plan.restart, released=released)
    losses = []
    for step in tqdm(range(plan.steps), desc=plan.condition, unit="step", disable=not progress, leave=False):
        losses.append(run.step())
        if not math.isfinite(losses[-1]):
            raise NotFinite(f"the loss of step {step + 1} of {plan.condition!r} is {losses[-1]}")
    return run.model.eval(), losses
