"""The loop: transformers' Trainer around an objective."""

import math
import random
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
import transformers
from torch.utils.data import IterableDataset
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from workbench.arguments import shown
from workbench.errors import BadArgument, NotFinite
from workbench.laboratories.recipe import ExampleBatch, Materials, Module, Recipe
from workbench.laboratories.training.batches import endless, example_batches
from workbench.laboratories.training.frozen import unchanged
from workbench.model.loading.read import quiet

_BETAS = (0.9, 0.98)


def train(module: Module, recipe: Recipe, materials: Materials, *, seed: int = 0) -> np.ndarray:
    """Train a module in place. The same module, recipe, materials and seed give the same weights on one machine.

    Args:
        module: of transformers, in float32.
        recipe: what and how; its trainable part decides which weights change.
        materials: what the data are made of.
        seed: of the data's draws and of new parameters.

    Returns:
        The loss of every step, [step], in the objective's unit (of `answers` and `text`: nats per token).

    Raises:
        NotFinite: the loss is NaN or infinite; names the step.
        BadCorpus: no data.
        BrokenModel: a tensor changed that is not trained.
    """
    # Every generator is seeded here and by Trainer, and another program's draws should not depend on that.
    with randomness_restored():
        torch.manual_seed(seed)
        with entered(recipe, module) as trained:
            if recipe.steps == 0:
                return np.zeros(0)
            with unchanged(trained):
                losses = _run(trained, recipe, materials, seed)
                _check_finite(trained, recipe)
    module.eval()
    return losses


def entered(recipe: Recipe, module: Module) -> AbstractContextManager[Module]:
    """The context of a recipe's trainable part.

    Raises:
        BadArgument: it is no trainable part.
    """
    try:
        context = recipe.trainable(module)
    except TypeError as error:
        raise BadArgument(f"trainable={shown(recipe.trainable)} takes no module: {error}") from error
    if not isinstance(context, AbstractContextManager):
        raise BadArgument(f"trainable={shown(recipe.trainable)} gives no context; use one such as everything()")
    return context


def _run(module: Module, recipe: Recipe, materials: Materials, seed: int) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder, quiet():
        arguments = transformers.TrainingArguments(
            output_dir=folder,
            max_steps=recipe.steps,
            per_device_train_batch_size=1,  # the data give whole batches
            learning_rate=recipe.rate,
            # The rate of the first warm-up step is 0: of a single step, nothing would be left.
            warmup_steps=min(math.ceil(recipe.warmup * recipe.steps), recipe.steps - 1),
            lr_scheduler_type="linear",
            weight_decay=0.0,
            adam_beta1=_BETAS[0],
            adam_beta2=_BETAS[1],
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            remove_unused_columns=False,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            accelerator_config={"dispatch_batches": False, "split_batches": False},
            use_cpu=next(module.parameters()).device.type == "cpu",
            seed=seed,
        )
        arguments._n_gpu = min(arguments.n_gpu, 1)  # on several, Trainer would divide batches that are whole already
        trainer = _Trainer(
            recipe,
            model=module,
            args=arguments,
            train_dataset=_Stream(recipe, materials, seed),
            data_collator=lambda batches: {"batch": batches[0]},
        )
        for callback in (PrinterCallback, ProgressCallback):
            trainer.remove_callback(callback)
        trainer.train()
    return np.array(trainer.losses)


def _check_finite(module: Module, recipe: Recipe) -> None:
    """Refuse what the last step broke: no loss has been computed since."""
    for name, parameter in module.named_parameters():
        if parameter.requires_grad and not bool(torch.isfinite(parameter).all()):
            raise NotFinite(
                f"{recipe.name}: {name} is not finite after step {recipe.steps}; try a lower rate than {recipe.rate:g}"
            )


class _Stream(IterableDataset):
    """The batches of a recipe, in the order of its data."""

    def __init__(self, recipe: Recipe, materials: Materials, seed: int) -> None:
        self.recipe, self.materials, self.seed = recipe, materials, seed

    def __iter__(self) -> Iterator[ExampleBatch]:
        recipe = self.recipe
        examples = endless(recipe.data, self.materials, np.random.default_rng(self.seed))
        return example_batches(
            examples, self.materials.tokenizer, tokens=recipe.batch * recipe.length, length=recipe.length
        )


class _Trainer(transformers.Trainer):
    """Computes a recipe's objective and stops where it is not finite."""

    def __init__(self, recipe: Recipe, **options: Any) -> None:
        super().__init__(**options)
        self.recipe = recipe
        self.losses: list[float] = []

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch."""
        loss = self.recipe.objective(model, inputs["batch"].to(next(model.parameters()).device))
        if not math.isfinite(value := loss.item()):
            raise NotFinite(
                f"{self.recipe.name}: the loss of step {len(self.losses) + 1} is {value}; try a lower rate than "
                f"{self.recipe.rate:g}"
            )
        self.losses.append(value)
        return loss

    def floating_point_ops(self, inputs: Any) -> int:
        """Not counted: they are estimated from an input that our batches do not name."""
        return 0


@contextmanager
def randomness_restored() -> Iterator[None]:
    """Put every random generator back as it was."""
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
