"""Memory of merges of large checkpoints: `python benchmarks/merging.py [--quick] [--out table.md]`.

Three checkpoints of random weights are written: a base and two experts, with the shapes of Llama 3 8B but few layers,
since the memory of a merge depends on its largest tensor, and not on how many there are. Each merge runs in a process
of its own; what counts is the most memory that it takes beyond what it had when the pair was open. Beside it stands
what the weights that are read would take in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import transformers

from tests.models import byte_tokenizer
from workbench.merging.checkpoint import PIECE
from workbench.merging.writing.tensors import size_of, write_tensors

MERGES = {
    "swap": "wb.merging.swap(pair, ['task', 'language'], out=out, ends='mean', progress=False)",
    "linear": "wb.merging.combine(pair, 'linear', out=out, progress=False)",
    "arithmetic": "wb.merging.combine(pair, 'arithmetic', out=out, progress=False)",
    "ties, each tensor": "wb.merging.combine(pair, 'ties', out=out, progress=False)",
    "ties, one vector": "wb.merging.combine(pair, 'ties', scope='vector', out=out, progress=False)",
    "dare": "wb.merging.combine(pair, 'dare', rescale='norm', out=out, progress=False)",
    "revert": "wb.merging.revert(task, base, ['q'], out=out, progress=False)",
}
_MEASURE = """
import sys
import workbench as wb
base, task, language, out = sys.argv[1:]
pair = wb.merging.pair(base, task, language)
def status(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak counts from here
before = status("VmRSS")
MERGE
print(status("VmHWM") - before)
"""


@dataclass(frozen=True)
class Size:
    """Widths of a checkpoint with two layers."""

    vocabulary: int = 128_256
    width: int = 4096
    inner: int = 14_336

    def layouts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Name of every tensor to its type and shape."""
        square, up, down, norm = (self.width,) * 2, (self.inner, self.width), (self.width, self.inner), (self.width,)
        layer = {
            **{f"self_attn.{name}_proj": square for name in "qkvo"},
            **{"mlp.gate_proj": up, "mlp.up_proj": up, "mlp.down_proj": down},
            **{"input_layernorm": norm, "post_attention_layernorm": norm},
        }
        shapes = {f"model.layers.{number}.{name}.weight": shape for number in range(2) for name, shape in layer.items()}
        shapes |= {"model.embed_tokens.weight": (self.vocabulary, self.width), "model.norm.weight": norm}
        return {name: ("BF16", shape) for name, shape in shapes.items()}


def write_checkpoint(folder: Path, size: Size, seed: int) -> Path:
    """A folder of random weights that opens as a model."""
    layouts = size.layouts()
    config = transformers.LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=2,
        num_attention_heads=8,
        tie_word_embeddings=True,
        dtype="bfloat16",
    )
    config.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    generator = np.random.default_rng(seed)

    def pieces(name: str) -> Iterator[np.ndarray]:
        count = int(np.prod(layouts[name][1]))
        for start in range(0, count, PIECE):
            drawn = generator.standard_normal(min(PIECE, count - start), dtype=np.float32)
            yield (drawn.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8)  # cut to bfloat16

    write_tensors(folder / "model.safetensors", layouts, pieces)
    return folder


def measure(folders: list[Path], out: Path, merge: str) -> tuple[int, float]:
    """Bytes that a merge takes beyond the open pair, and seconds, in a process of its own."""
    start = time.perf_counter()
    script = _MEASURE.replace("MERGE", merge)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    done = subprocess.run(
        [sys.executable, "-c", script, *folders, out], capture_output=True, text=True, check=True, env=environment
    )
    return 1024 * int(done.stdout.split()[-1]), time.perf_counter() - start


def table(size: Size, merges: dict[str, str]) -> list[str]:
    """Lines of the table."""
    bytes_of = {name: size_of(*layout) for name, layout in size.layouts().items()}
    largest, whole = max(bytes_of.values()), sum(bytes_of.values())
    lines = [
        f"Checkpoints of {whole / 2**20:,.0f} MiB in bfloat16, largest tensor {largest / 2**20:,.0f} MiB.",
        "",
        "| merge | memory | of the largest tensor | weights that are read | time |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory(prefix="merging-") as made:
        home = Path(made)
        folders = [write_checkpoint(home / name, size, seed) for seed, name in enumerate(("base", "task", "language"))]
        for name, merge in merges.items():
            out = home / "out"
            peak, seconds = measure(folders, out, merge)
            read = len(json.loads((out / "merge.json").read_text())["models"]) * whole
            memory, weights = f"{peak / 2**20:,.0f} MiB", f"{read / 2**20:,.0f} MiB"
            lines.append(f"| {name} | {memory} | {peak / largest:.2f} | {weights} | {seconds:.0f} s |")
            for file in out.iterdir():
                file.unlink()
            out.rmdir()
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a quarter of the width: a minute or two")
    parser.add_argument("--out", type=Path, help="also write the table here")
    options = parser.parse_args()
    lines = table(Size(32_064, 1024, 3584) if options.quick else Size(), MERGES)
    print("\n".join(lines))
    if options.out:
        options.out.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
