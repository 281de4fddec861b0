"""Time and memory of sorting neurons: `python benchmarks/classify.py [--quick]`.

The size of a real model (10 languages x 32 layers x 14,336 neurons, with prefix counts), then a smaller one against
plain loops over the same counts. Peak memory is that of a process of its own, libraries included.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import xarray as xr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
FULL = (10, 32, 14_336)
LIMITS = {
    "ternary, one lambda": "5 s, 2 GB",
    "ternary, automatic lambda": "15 s, 3 GB",
    "lape": "-",
    "counts only": "-",
}


def table(languages: int, layers: int, neurons: int) -> xr.Dataset:
    """Counts of response and prefix; neurons differ in how much they fire and in how much languages matter to them."""
    generator = np.random.default_rng(0)
    shape = (languages, layers, neurons)
    base, spread = generator.beta(0.5, 4, shape[1:]), generator.exponential(0.12, shape[1:])
    fired, prefix = np.empty(shape, np.int64), np.empty(shape, np.int64)
    tokens, before = generator.integers(100_000, 200_000, languages), generator.integers(10_000, 20_000, languages)
    for language in range(languages):
        rate = np.minimum(base * np.exp(spread * generator.standard_normal(shape[1:])), 1)
        prefix[language] = generator.binomial(before[language], rate)
        fired[language] = prefix[language] + generator.binomial(tokens[language], rate)
    axes = ("language", "layer", "neuron")
    return xr.Dataset(
        {
            "fired": (axes, fired),
            "tokens": ("language", tokens + before),
            "prefix_fired": (axes, prefix),
            "prefix_tokens": ("language", before),
        },
        {"language": [f"l{number}" for number in range(languages)]},
    )


def classify(work: str, firing: xr.Dataset) -> xr.Dataset:
    """Run the named work."""
    from workbench.neurons import lape, ternary

    if work == "counts only":
        return firing
    if work == "lape":
        return lape(firing)
    return ternary(firing, lam=0.04 if "one" in work else "auto")


def alone(work: str, repeats: int) -> dict:
    """Time the named work in this process, and its peak memory."""
    firing = table(*FULL)
    classify(work, table(2, 2, 500))  # imports and first calls
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        found = classify(work, firing)
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # kilobytes on Linux
    kept = ("lam", "lam_released", "lam_search", "n_selected", "n_specific", "n_related", "n_general", "n_unassigned")
    return {"seconds": min(seconds), "peak": peak, "attrs": {k: found.attrs[k] for k in kept if k in found.attrs}}


def loops(layers: int, neurons: int) -> None:
    """Compare with plain loops at a smaller size."""
    from tests.oracles import neurons as oracle

    firing = table(10, layers, neurons)
    lists = {name: firing[name].values.tolist() for name in firing.data_vars}
    full = {name: lists[name] for name in ("fired", "tokens")}
    p_of = {
        "ternary, one lambda": lambda: oracle.ternary(oracle.rates(**lists), oracle_lam, 0.01, 0.95)[0],
        "lape": lambda: oracle.lape(**full, top_rate=0.01, bar=0.95)[1],
    }
    oracle_lam = 0.04 / oracle.conversion(10)
    print(f"\n10 x {layers} x {neurons:,}, against plain loops")
    print(f"{'work':<28}{'here':>10}{'loops':>10}{'ratio':>9}  same neurons")
    for work, plain in p_of.items():
        classify(work, firing)
        start = time.perf_counter()
        found = classify(work, firing)
        here = time.perf_counter() - start
        start = time.perf_counter()
        expected = plain()
        there = time.perf_counter() - start
        if isinstance(expected, dict):
            same = all(found.kind.values[place] == kind for place, kind in expected.items())
        else:
            same = set(map(tuple, np.argwhere(found.selected.values).tolist())) == expected
        print(f"{work:<28}{here:>8.3f} s{there:>8.2f} s{there / here:>8.0f}x  {'yes' if same else 'NO'}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one repeat, a smaller plain loop")
    parser.add_argument("--work", choices=LIMITS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    repeats = 1 if options.quick else 5
    if options.work:
        print(json.dumps(alone(options.work, repeats)))
        return
    print(f"{' x '.join(f'{n:,}' for n in FULL)}, with prefix counts; best of {repeats}")
    print(f"{'work':<28}{'time':>9}{'peak':>10}  limit")
    notes = []
    for work, limit in LIMITS.items():
        command = [sys.executable, __file__, "--work", work, *(["--quick"] if options.quick else [])]
        row = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        print(f"{work:<28}{row['seconds']:>7.2f} s{row['peak']:>7.2f} GB  {limit}")
        notes += [f"{work}: {row['attrs']}"] if row["attrs"] else []
    print(*notes, sep="\n")
    loops(*((8, 4_000) if options.quick else (16, 8_000)))


if __name__ == "__main__":
    main()
