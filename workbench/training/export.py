"""Export a loadable model folder: weights in bf16, configuration, tokenizer, training record."""

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
    """Writes all files to a temporary folder, then moves each, so that readers never see a partial file.

    Args:
        folder: target folder; other files in it stay.
        model: stored as bfloat16.
        tokenizer: saved in the same folder.
        record: the training record, stored as `training.json`.
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
        config.pop("_name_or_path", None)  # a local path
        (temporary / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        tokenizer.save_pretrained(temporary)
        (temporary / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for path in sorted(temporary.iterdir()):
            path.chmod(0o644)
            path.replace(folder / path.name)
