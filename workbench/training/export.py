"""The model folder that others load: weights in bf16, configuration, tokenizer, and the record of the run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase


def export_model(
    folder: Path, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerBase, record: dict[str, Any]
) -> None:
    """Writes everything into a temporary folder and then moves file by file, so that no reader meets half a file.

    Args:
        folder: Where the model goes; files of other names stay.
        model: A copy is stored in bfloat16.
        tokenizer: Saved beside it.
        record: How the weights came about, stored as `training.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        temporary = Path(made)
        weights = {
            name: tensor.detach().to("cpu", torch.bfloat16).contiguous()
            for name, tensor in model.state_dict().items()
            if name != "lm_head.weight"  # tied to the embedding
        }
        save_file(weights, temporary / "model.safetensors", metadata={"format": "pt"})
        config = {**model.config.to_dict(), "architectures": ["LlamaForCausalLM"], "dtype": "bfloat16"}
        config.pop("_name_or_path", None)  # a folder of the machine that it was made on
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        tokenizer.save_pretrained(temporary)
        (temporary / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for path in sorted(temporary.iterdir()):
            path.chmod(0o644)
            path.replace(folder / path.name)
