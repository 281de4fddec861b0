"""`benchmarks/merging.py`: the most memory that a merge takes stays below twice the largest tensor; no timing."""

import importlib

from tests.merging import folders


def test_the_hardest_merge_takes_less_than_two_of_the_largest_tensor(tmp_path):
    merging = importlib.import_module("merging")
    size = merging.Size(vocabulary=32_064, width=1024, inner=64)
    models = [merging.write_checkpoint(tmp_path / name, size, seed) for seed, name in enumerate(("a", "b", "c"))]
    largest = 2 * 32_064 * 1024
    assert max(tensor.nbytes for tensor in folders.weights(models[0]).values()) == largest
    peak, _ = merging.measure(models, tmp_path / "out", merging.MERGES["ties, each tensor"])
    assert 0 < peak < 2 * largest  # with the three whole tensors in float32 it would be more than six
