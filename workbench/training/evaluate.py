"""Evaluation: `python -m workbench.training.evaluate --model data/polyglot --corpus ../shared/corpus`.

Writes `evaluation.json` into the model folder, from which `workbench.training.card` makes the model card. The command
`workbench card` runs this too, and measures the effects of interventions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from workbench.model.loading.read import quiet
from workbench.results.files import write_whole
from workbench.text.readers import load_corpus
from workbench.training.cards.slope import loss_slope
from workbench.training.data.compression import ngram_bits_per_byte, xz_bits_per_byte
from workbench.training.data.mixture import read_lines
from workbench.training.data.prompts import LANGUAGES, HeldOut, Words, read_words
from workbench.training.held_out import held_out_directions
from workbench.training.measure import Model, bits_per_byte, continuations, draw_items, exact_matches, share_in_language
from workbench.training.pretrain import WORDS


def make_identifier() -> Callable[[str], str | None]:
    """Lingua with the twelve languages; returns a code, or None if undecided."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, language.upper()) for language in LANGUAGES]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()

    def identify(text: str) -> str | None:
        detected = detector.detect_language_of(text)
        return None if detected is None else detected.iso_code_639_1.name.lower()

    return identify


def measure_text(
    model: Model, tokenizer: PreTrainedTokenizerBase, corpus: Path, *, progress: bool = True
) -> dict[str, dict[str, float]]:
    """Bits per byte of the held-out text of every language: model, 5-gram, xz; and the text's size in bytes."""
    train, valid = read_lines(corpus, LANGUAGES), read_lines(corpus, LANGUAGES, part="valid")
    table = {}
    for language in tqdm(LANGUAGES, desc="bits per byte", disable=not progress):
        text = "\n".join(valid[language])
        table[language] = {
            "model": round(bits_per_byte(model, tokenizer, text), 4),
            "ngram": round(ngram_bits_per_byte("\n".join(train[language]), text), 4),
            "xz": round(xz_bits_per_byte(text), 4),
            "bytes": len(text.encode()),
            "train_bytes": len("\n".join(train[language]).encode()),
        }
    return table


def measure_translation(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    words: Words,
    held_out: HeldOut,
    *,
    count: int,
    progress: bool = True,
) -> dict[str, Any]:
    """Exact match on trained and held-out directions, by source and target language, with standard error."""
    result: dict[str, Any] = {"concepts": len(words), "shots": 5}
    for untrained in (False, True):
        items = draw_items(words, held_out, untrained=untrained, count=count)
        right = np.array(exact_matches(model, tokenizer, words, items, progress=progress), dtype=float)
        kind = "held_out" if untrained else "trained"
        result[kind] = {
            "exact_match": round(float(right.mean()), 4),
            "standard_error": round(float(right.std() / len(right) ** 0.5), 4),
            "prompts": len(items),
            "concepts_right_at_least_80_percent": _concepts_over(items, right, 0.8),
            "by_concept_quarter": _by_quarter(words, items, right),
            "by_target": {x: round(float(right[[i[2] == x for i in items]].mean()), 4) for x in LANGUAGES},
            "by_source": {x: round(float(right[[i[1] == x for i in items]].mean()), 4) for x in LANGUAGES},
        }
    return result


def _by_quarter(words: Words, items: list[tuple[str, str, str]], right: np.ndarray) -> list[float]:
    """Share of correct answers for each quarter of the word list, which is in order of entry into training."""
    place = {concept: 4 * index // len(words) for index, concept in enumerate(words)}
    quarters = np.array([place[item[0]] for item in items])
    return [round(float(right[quarters == quarter].mean()), 4) for quarter in range(4)]


def _concepts_over(items: list[tuple[str, str, str]], right: np.ndarray, bar: float) -> int:
    """Number of concepts with a share of correct answers of at least `bar`."""
    counts = Counter(item[0] for item in items)
    known = Counter(item[0] for item, value in zip(items, right, strict=True) if value)
    return sum(known[concept] >= bar * count for concept, count in counts.items())


def measure_shipped_text(
    model: Model, tokenizer: PreTrainedTokenizerBase, *, progress: bool = True
) -> dict[str, float]:
    """Bits per byte of the shipped parallel sentences."""
    texts = load_corpus("parallel", languages=LANGUAGES).texts
    return {
        language: round(bits_per_byte(model, tokenizer, "\n".join(texts[language])), 4)
        for language in tqdm(LANGUAGES, desc="bits per byte of the shipped sentences", disable=not progress)
    }


def measure_language(
    model: Model,
    tokenizer: PreTrainedTokenizerBase,
    lines: Mapping[str, Sequence[str]],
    *,
    count: int = 50,
    progress: bool = True,
) -> dict[str, Any]:
    """Share of sampled continuations that stay in the language of their prompt; and of the real continuations.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        lines: texts of each language; prompts are the first tokens of those longer than 16 tokens.
        count: most prompts of each language.
        progress: show a progress bar.
    """
    identify = make_identifier()
    made, real, prompts = {}, {}, {}
    for language in tqdm(LANGUAGES, desc="language of generated text", disable=not progress):
        long = [line for line in lines[language] if len(tokenizer(line, verbose=False)["input_ids"]) > 16][:count]
        rests = [str(tokenizer.decode(tokenizer(line, verbose=False)["input_ids"][10:])) for line in long]
        made[language] = round(share_in_language(continuations(model, tokenizer, long), language, identify), 4)
        real[language] = round(share_in_language(rests, language, identify), 4)
        prompts[language] = len(long)
    mean = round(sum(made.values()) / len(made), 4)
    return {"generated": made, "real": real, "mean": mean, "prompts": prompts, "temperature": 0.7}


def weights_hash(folder: Path) -> str:
    """SHA-256 of the weights, which ties the numbers to this model."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def evaluate(
    folder: Path,
    corpus: Path | None,
    words: Words,
    *,
    count: int = 1000,
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """All measurements of the shipped weights except interventions, as a dictionary.

    Args:
        folder: folder of the model.
        corpus: the training corpus; without it `bits_per_byte` and `language_held_out` are left out.
        words: the word list.
        count: translation prompts of each kind.
        device: device to measure on.
        progress: show progress bars.
    """
    begun = time.perf_counter()
    with quiet():
        model: Model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model.to(device).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    held_out = held_out_directions(share=training["recipe"]["held_out"])
    texts = load_corpus("parallel", languages=LANGUAGES).texts
    trained = dict(islice(words.items(), training["recipe"]["concepts"]))
    result = {
        "weights": weights_hash(folder),
        "tokens_trained": training["tokens"],
        "loss_slope": loss_slope(training["loss"]),
        "shipped_bits_per_byte": measure_shipped_text(model, tokenizer, progress=progress),
        "translation": measure_translation(model, tokenizer, trained, held_out, count=count, progress=progress),
        "language": measure_language(model, tokenizer, texts, progress=progress),
        "words_by_tokens": _word_lengths(tokenizer, trained),
    }
    if corpus is not None:
        result["bits_per_byte"] = measure_text(model, tokenizer, corpus, progress=progress)
        held_out_lines = read_lines(corpus, LANGUAGES, part="valid")
        result["language_held_out"] = measure_language(model, tokenizer, held_out_lines, progress=progress)
    return {**result, "seconds": round(time.perf_counter() - begun, 1)}


def _word_lengths(tokenizer: PreTrainedTokenizerBase, words: Words) -> dict[str, int]:
    """Number of words by their number of tokens."""
    spelled = [
        tokenizer(word, add_special_tokens=False)["input_ids"] for row in words.values() for word in row.values()
    ]
    return {str(length): count for length, count in sorted(Counter(map(len, spelled)).items())}


def main(arguments: list[str] | None = None) -> None:
    """Measures and writes `evaluation.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("data/polyglot"))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--words", type=Path, default=WORDS)
    parser.add_argument("--prompts", type=int, default=1000, help="translation prompts of each kind")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    result = evaluate(
        options.model, options.corpus, read_words(options.words), count=options.prompts, device=options.device
    )
    write_whole(options.model / "evaluation.json", json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
