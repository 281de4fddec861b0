"""Accuracy of options against lm-eval's own `hf` model at batch size auto: same items, same process, one thread.

Nothing is tokenized in advance: the time is from texts to scores. lm-eval runs its model's `loglikelihood`
on the requests that its own task object would make of the exported task. Rounds alternate, the table gives medians, and
the largest gap of a score and the number of different picks show that both computed the same. `auto` searches for a
batch size with passes at full length in every call, as it does in every run of lm-eval; the rows with a fixed size,
the workbench's, leave this out.

    make lm-eval; .venv-harness/bin/python benchmarks/evaluation.py [--quick]
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

import workbench as wb
from tests.evaluation.harness import xcopa
from workbench import shipped
from workbench.evaluation.accuracy import encoded, scored
from workbench.evaluation.scoring.formats import formatted

MODEL = shipped.DATA / "polyglot"
BATCH = 64


def cases(items: int):
    """Name to task, format and shots."""
    words = wb.load_task("words", languages="de,ja", limit=items)
    return {
        "words, 5 examples each, 4 options": (words, "cloze", 0),
        "words, letters": (words, "letters", 0),
        "causes, 2 solved items, 2 options": (wb.load_task(xcopa.rows()), "cloze", 2),
    }


def requests(task, shots, form):
    """What lm-eval's own task object would send: a request for each option, in order."""
    made = []
    shaped = formatted(task, form, shots)
    for language in shaped.languages:
        for row in shaped.present(language):
            for option in shaped.options[language][row]:
                arguments = (shaped.context[language][row], shaped.separator(language) + option)
                made.append(Instance("loglikelihood", {}, arguments, len(made)))
    return made


def timed(run):
    begun = time.perf_counter()
    value = run()
    return value, time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    items, rounds = (24, 3) if quick else (60, 5)
    ours = wb.load_model(MODEL)
    theirs = HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size="auto")
    print(
        f"{'task':<40} {'options':>7} {'lm-eval, batch size':<24} {'workbench':>9} {'ratio':>6} {'gap':>8} {'picks':>6}"
    )
    for name, (task, form, shots) in cases(items).items():
        logged = requests(task, shots, form)

        def workbench(task=task, form=form, shots=shots):
            shaped, parts = encoded(ours, task, format=form, shots=shots, answer_only=False)
            return scored(ours, parts, shaped, BATCH, False)["score"]

        for size in ("auto", BATCH):

            def harness(logged=logged, size=size):
                theirs.batch_size_per_gpu = size
                return np.array([value for value, _ in theirs.loglikelihood(logged, disable_tqdm=True)])

            harness(), workbench()
            pairs = []
            for turn in range(rounds):
                sides = [harness, workbench] if turn % 2 else [workbench, harness]
                values = {side: timed(side) for side in sides}
                pairs.append((values[harness][1], values[workbench][1]))
            score = values[workbench][0]
            other = values[harness][0].reshape(score.shape)
            picks = int((score.argmax(-1) != other.argmax(-1)).sum())
            slow, fast = (statistics.median(side) for side in zip(*pairs, strict=True))
            ratio, gap = statistics.median(a / b for a, b in pairs), np.abs(score - other).max()
            times = f"{slow:>8.2f}s {fast:>8.2f}s {ratio:>5.1f}x"
            print(f"{name:<40} {len(logged):>7} {size!s:<14} {times} {gap:>8.0e} {picks:>6}")


if __name__ == "__main__":
    main()
