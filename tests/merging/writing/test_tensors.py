import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from workbench.merging.writing.tensors import write_tensors

TENSORS = {
    "b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "a.weight": torch.randn(5, 7).bfloat16(),
    "größe": torch.randn(3).half(),
    "c": torch.tensor(2.5, dtype=torch.float64),
    "mask": torch.tensor([True, False, True]),
    "empty": torch.zeros(0, 4),
    "count": torch.tensor([7], dtype=torch.int64),
}
KINDS = {
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float64: "F64",
    torch.bool: "BOOL",
    torch.int64: "I64",
}


def layouts(tensors):
    return {name: (KINDS[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()}


def pieces(tensors, size):
    def of(name):
        data = tensors[name].reshape(-1).view(torch.uint8).numpy()
        yield from (data[start : start + size] for start in range(0, len(data), size))

    return of


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_file_is_that_of_safetensors_byte_for_byte(tmp_path, size):
    write_tensors(tmp_path / "own", layouts(TENSORS), pieces(TENSORS, size))
    save_file(TENSORS, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "own").read_bytes() == (tmp_path / "theirs").read_bytes()
    read = load_file(tmp_path / "own")
    assert all(torch.equal(read[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize("count", [5, 7])
def test_pieces_of_another_length_are_refused(tmp_path, count):
    def of(name):
        yield np.zeros(4 * count, np.uint8)

    with pytest.raises(ValueError, match=rf"{4 * count} bytes were given for x, which has 24"):
        write_tensors(tmp_path / "own", {"x": ("F32", (2, 3))}, of)
