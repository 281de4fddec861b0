"""A language model that sees: LLaVA of transformers around it, and how its vision is trained."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import transformers
from torch import Tensor
from torch.nn.functional import cross_entropy

from workbench.laboratories.parts.trainables import layers, only
from workbench.laboratories.recipe import ExampleBatch, Module, Objective, Trainable
from workbench.laboratories.training.loop import randomness_restored
from workbench.laboratories.vision.pictures import PATCH, SIZE
from workbench.laboratories.vision.questions import placeholder

_WIDTH, _LAYERS, _HEADS = 32, 2, 4  # of the vision tower


def seeing(text: Module, tokenizer: Any, *, seed: int = 0) -> Module:
    """A LLaVA around a language model: a random vision tower and projector before it, and its own weights, shared.

    A picture's patches take the places of the tokenizer's padding token.

    Args:
        text: a causal language model of transformers; the result shares its weights.
        tokenizer: of the model.
        seed: of the vision tower and the projector.

    Raises:
        BrokenModel: the tokenizer has no token that can stand for a part of a picture.
    """
    placeholder(tokenizer)
    vision = transformers.CLIPVisionConfig(
        hidden_size=_WIDTH,
        intermediate_size=2 * _WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        image_size=SIZE,
        patch_size=PATCH,
    )
    config = transformers.LlavaConfig(
        vision_config=vision,
        text_config=text.config,
        image_token_index=tokenizer.pad_token_id,
        vision_feature_layer=-1,
        tie_word_embeddings=bool(text.config.tie_word_embeddings),
    )
    with randomness_restored():
        torch.manual_seed(seed)
        whole: Any = transformers.LlavaForConditionalGeneration(config)
    whole.model.language_model = text.base_model
    whole.lm_head = text.get_output_embeddings()
    whole.config.architectures = [type(whole).__name__]
    return whole.to(text.device).eval()


def vision_part() -> Trainable:
    """The vision tower and the projector; the language model behind them is frozen."""

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        parts = (module.model.vision_tower, module.model.multi_modal_projector)
        only(module, [parameter for part in parts for parameter in part.parameters()])
        yield module

    return trainable


def text_layers(numbers: Sequence[int]) -> Trainable:
    """Some layers of the language model behind the vision."""

    @contextmanager
    def trainable(module: Module) -> Iterator[Module]:
        module.requires_grad_(False)
        with layers(numbers)(module.model.language_model):
            yield module

    return trainable


def picture_answers() -> Objective:
    """The mean NLL of the answers' tokens behind pictures, in nats."""

    def loss(module: Module, batch: ExampleBatch) -> Tensor:
        logits, ids = predicted_of(module, batch)
        return cross_entropy(logits, ids)

    return loss


def predicted_of(module: Module, batch: ExampleBatch) -> tuple[Tensor, Tensor]:
    """Logits of the marked tokens behind pictures, [marked, vocabulary], row after row; and their ids, [marked]."""
    device = batch.ids.device
    pixels = torch.stack([torch.from_numpy(example.pixels) for example in batch.examples])  # type: ignore[attr-defined]
    # Rows are filled with the token that stands for pictures, and LLaVA would look for pictures there.
    other = (int(module.config.image_token_id) + 1) % int(module.get_input_embeddings().weight.shape[0])
    ids = batch.ids.masked_fill(batch.mask == 0, other)
    inputs = {"input_ids": ids, "attention_mask": batch.mask, "pixel_values": pixels.to(device)}
    states = module.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    wanted = batch.marks[:, 1:]
    return module.get_output_embeddings()(states[wanted]).float(), ids[:, 1:][wanted]
