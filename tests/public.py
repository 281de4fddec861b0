"""Every public function with small arguments that it takes, for the tests that go over all of them."""

import inspect
import json
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch

import workbench as wb
from tests.atlas.cases import public as atlas_arguments
from tests.circuits.cases import random_transcoder
from tests.figures.graph_cases import graph as attribution_graph
from tests.laboratories.cases import public as laboratories
from tests.laboratories.choices import public as choices
from tests.laboratories.teaching import public as teaching
from tests.merging.recipes.cases import planted as planted_subspace
from tests.models import byte_tokenizer, tiny
from tests.patching.cases import make_pairs
from workbench.text.corpus import Corpus
from workbench.text.tasks.task import Task

PACKAGES = (
    "atlas",
    "heads",
    "neurons",
    "patching",
    "lens",
    "attribution",
    "planted",
    "evaluation",
    "steering",
    "circuits",
    "merging",
    "laboratories",
    "figures",
    "live",
)
TEXTS = {
    "de": ("Der Hund", "Es regnet", "Na ja"),
    "en": ("The dog", "It rains", "No"),
    "fr": ("Le chien", "Il pleut", "Non"),
}
NEW = object()  # stands for a folder that is not there yet
QUICK = {"progress": False, "batch_size": 2}


def functions() -> dict:
    """Name to function, of everything that the packages export; the methods of a Corpus that take something too."""
    found = {name: getattr(wb, name) for name in wb.__all__ if inspect.isfunction(getattr(wb, name))}
    for package in PACKAGES:
        home = getattr(wb, package)
        found |= {f"{package}.{name}": getattr(home, name) for name in home.__all__}
    found |= {f"Corpus.{name}": getattr(Corpus, name) for name in ("as_chat", "limit", "select", "split")}
    return {name: one for name, one in found.items() if inspect.isfunction(one)}


@cache
def made(folder: str) -> SimpleNamespace:
    """A model, texts, words and pairs, and one small result of each kind."""
    model = wb.load_model(tiny("llama"), tokenizer=byte_tokenizer())
    experts = wb.load_model(tiny("qwen3_moe"), tokenizer=byte_tokenizer())
    corpus = Corpus(TEXTS, aligned=True, source="test")
    pairs = make_pairs([6, 6, 6, 6])
    words = pd.DataFrame(
        {"de": ["Ei", "dackel", "Haus", "Uhr"], "en": ["apple", "bog", "cell", "fog"], "fr": ["goo", "wau", "x", "z"]},
        index=pd.Index(["a", "b", "c", "d"], name="concept"),
    )
    groups = {"de": [(0, 1)], "en": [(1, 2)]}
    counts = wb.neurons.firing(model, corpus, moments=True, sketch=True, **QUICK)
    classes = wb.neurons.ternary(counts, top_rate=0.2, bar=0.9)
    tasks = [{"prompt": f"{one} + 1 = ", "answer": "b"} for one in "abcd"]
    circuit = wb.patching.circuit(model, pairs, candidates=2, controls=1, drop=0.9, **QUICK)
    mask = wb.heads.tune_mask(model, tasks, heads=[(0, 1)], epochs=1, controls=1, **QUICK)
    results = {
        "ablate": wb.heads.ablate(model, corpus, heads=[(0, 1)], **QUICK),
        "importance": wb.heads.importance(model, corpus, per_sample=True, **QUICK),
        "agreement": wb.heads.agreement(model, corpus, methods=("zero", "gradient", "random"), **QUICK),
        "mask_result": mask,
        "counts": counts,
        "classes": classes,
        "parts": wb.neurons.pieces(model, corpus, 3, **QUICK)[0],
        "other": wb.neurons.pieces(model, corpus, 3, **QUICK)[1],
        "routed": wb.neurons.routing(experts, corpus, permutations=1, **QUICK),
        "change": wb.neurons.compare(classes, classes, permutations=2, **QUICK),
        "inside": inside_of(model, corpus),
        "neuron": wb.neurons.look(model, corpus, 0, 1, contexts=1, window=2, tokens=2, **QUICK),
        "sweep": wb.patching.sweep(model, pairs, **QUICK),
        "layers": wb.patching.cross_layer(model, pairs, **QUICK).mean("pair", keep_attrs=True),
        "circuit": circuit,
        "sentences": wb.lens.logit_lens(model, ["Ei", "Hau"], top=2, **QUICK),
        "tuned": wb.lens.tune(model, corpus, steps=1, rows=2, held_out=0.4, **QUICK),
        "truth": wb.planted.heads("de,en", layers=1, heads=4, texts=2, concepts=2).truth,
    }
    quiz = Task(
        "quiz",
        {"de": ("Was?", "Wer?", "Wo?"), "en": ("What?", "Who?", "Where?")},
        {"de": (("eins", "zwei"),) * 3, "en": (("one", "two"),) * 3},
        (frozenset({0}), frozenset({1}), frozenset({0})),
        ("a", "b", "c"),
    )
    answers = wb.evaluation.accuracy(model, quiz, **QUICK)
    table = pd.DataFrame({"source": "s", "language": ["de", "en"], "prompt": ["Was?", "What?"]})
    results |= {
        "vectors": wb.steering.directions(model, corpus, **QUICK),
        "space": wb.steering.subspace(model, corpus, **QUICK),
    }
    transcoder = random_transcoder(model.n_layers, model.d_model)
    feature_counts = wb.circuits.firing(transcoder, model, corpus, moments=True, draws=3, **QUICK)
    dictionary = wb.circuits.save(transcoder, Path(folder) / "dictionary")
    results |= {"transcoder": transcoder, "feature_counts": feature_counts, "dictionary": dictionary}
    results |= {"quiz": quiz, "answers": answers, "prompts": table}
    results["split"] = wb.evaluation.tokenization({"bytes": byte_tokenizer(), "letters": list}, corpus)
    prompts_file = Path(folder) / "prompts.csv"
    prompts_file.write_text("prompt,source,language\nWas?,s,de\n", encoding="utf-8")
    log = {
        "doc_id": 0,
        "doc": {},
        "target": "0",
        "arguments": {f"gen_args_{place}": {"arg_0": "Was?", "arg_1": f" {text}"} for place, text in enumerate("ab")},
        "filtered_resps": [["-1", "False"], ["-2", "False"]],
        "filter": "none",
        "metrics": ["acc"],
        "acc": 1.0,
    }
    (Path(folder) / "samples_quiz_de_2026-01-02T03-04-05.678.jsonl").write_text(
        json.dumps(log) + "\n", encoding="utf-8"
    )
    path = Path(folder) / "mask.json"
    wb.heads.save_mask(mask, path)
    wb.save_result(counts, Path(folder) / "counts.nc")
    return SimpleNamespace(
        model=model,
        experts=experts,
        corpus=corpus,
        pairs=pairs,
        words=words,
        groups=groups,
        tasks=tasks,
        folder=Path(folder),
        mask=path,
        **results,
    )


def inside_of(model, corpus):
    """What training changed inside, where it changed nothing."""
    look = wb.laboratories.inside(corpus, parts=["heads", "neurons"], trained="de", **QUICK)
    state = look.look(model)
    return look.compare(state, {"recipe": state, "text": state})


def first_letter(text: str) -> str | None:
    """An identifier of languages: those of the texts by a letter."""
    return {"D": "de", "T": "en", "L": "fr"}.get(text[:1])


def arguments(given: SimpleNamespace) -> dict[str, dict]:
    """Name of a function to arguments that it takes; a folder is one for every call (see `call`)."""
    texts = {"model": given.model, "corpus": given.corpus, **QUICK}
    prompts = {"model": given.model, "prompts": given.corpus, "tokens": 1, "controls": 1, **QUICK}
    pairs = {"model": given.model, "pairs": given.pairs, **QUICK}
    words = {"model": given.model, "words": given.words, "source": "de", "target": "en", "shots": 1, **QUICK}
    planted = {"languages": "de,en", "layers": 1, "concepts": 10}
    conflicts = [{"prompt": f"{one} + 1 = ", "own": "b", "other": "c"} for one in "ab"]
    heads = [(0, 1)]
    tables = {"model": given.model, "corpus": given.corpus, "name": "mine", "unit": "nats"}
    return {
        "report": {"results": {"ablate": given.importance}, "out": NEW, "title": "Mine"},
        **_loading(given),
        **_evaluation(given),
        **_steering(given),
        **_circuits(given),
        **_merging(given),
        **laboratories(),
        **atlas_arguments(),
        **choices(),
        **_inside(given),
        **teaching(),
        "generate": {"model": given.model, "prompts": ["Ei", "Hau"], "tokens": 1, "heads": [(0, 1)], **QUICK},
        "attribution.direct": {"model": given.model, "prompts": ["Ei", "Hau"], "answer": "x", "foil": "y", **QUICK},
        "Corpus.as_chat": {"self": given.corpus, "user": "Sag etwas."},
        "Corpus.limit": {"self": given.corpus, "n": 1},
        "Corpus.select": {"self": given.corpus, "languages": ["de", "en"]},
        "Corpus.split": {"self": given.corpus, "name": "train"},
        "heads.ablate": {**texts, "heads": heads, "how": "zero", "scale": 2.0, "seed": 0, "level": 0.9},
        "heads.agreement": {**texts, "methods": ("magnitude", "random"), "top": 0.2},
        "heads.fold_mask": {"model": given.model, "mask": torch.ones(3, 4), "folder": NEW},
        "heads.importance": {**texts, "variant": "paper", "per_sample": False},
        "heads.kinds": texts,
        "heads.knockout": {**texts, "groups": given.groups, "controls": 1, "scale": 0.0},
        "heads.load_mask": {"model": given.model, "path": given.mask},
        "heads.off_target": {**prompts, "heads": heads, "identify": first_letter, "prompt": 2, "target": "de"},
        "heads.patterns": {**texts, "sentences": [0]},
        "heads.prune": {
            **texts,
            "keep": "de",
            "drop": "en",
            "candidates": 1,
            "most": 1,
            "compare": ["random"],
            "draws": 1,
            "points": 2,
            "permutations": 2,
            "out": None,
        },
        "heads.roles": {"result": given.importance, "quantile": 0.9, "shared_by": 2},
        "heads.save_mask": {"result": given.mask_result, "path": given.folder / "saved.json"},
        "heads.save_smaller": {"model": given.model, "heads": heads, "folder": NEW},
        "heads.score_result": {**tables, "values": np.zeros((3, 3, 4))},
        "heads.search": {**texts, "top": 1, "confidence": 0.5, "first": 2},
        "heads.shapley": {**texts, "heads": heads, "permutations": 2, "tolerance": 0.1},
        "heads.task_losses": {"model": given.model, "tasks": given.tasks, "batch_size": 2},
        "heads.top": {"result": given.importance, "share": 0.1, "own": True},
        "heads.transfer": {"model": given.model, "conflicts": conflicts, "heads": heads, "scales": [0.0], **QUICK},
        "heads.tune_mask": {"model": given.model, "tasks": given.tasks, "heads": heads, "epochs": 1, **QUICK},
        "neurons.by_lingua": {"languages": ["de", "en"], "least": 2, "margin": 0.1},
        "neurons.by_trigrams": {"corpus": given.corpus, "least": 1},
        "neurons.compare": {"before": given.classes, "after": given.classes, "permutations": 1, **QUICK},
        "neurons.compare_identifiers": {
            "texts": given.corpus,
            "identifiers": {"a": first_letter, "b": first_letter},
        },
        "neurons.distribution": {"firing": given.counts, "top_rate": 0.1, "even": "first"},
        "neurons.expert_counts": {"result": given.routed},
        "neurons.experts": {**texts, "count": 1},
        "neurons.firing": {**texts, "prefix": given.corpus, "moments": True, "sketch": True},
        "neurons.generation_share": {**prompts, "members": given.groups, "identify": first_letter},
        "neurons.knockout": {**texts, "members": given.groups, "controls": 1},
        "neurons.lape": {"firing": given.counts, "top_rate": 0.1, "bar": 0.5},
        "neurons.look": {**texts, "layer": 0, "neuron": 1, "classes": {"one": given.classes}, "contexts": 1},
        "neurons.means": {"firing": given.counts},
        "neurons.merge": {"parts": [given.parts, given.other]},
        "neurons.pieces": {"model": given.model, "corpus": given.corpus, "count": 2, **QUICK},
        "neurons.plnd": {**texts, "top_rate": 0.1, "often": 0.5},
        "neurons.quantiles": {"firing": given.counts, "q": [0.5]},
        "neurons.routing": {**texts, "model": given.experts, "permutations": 1},
        "neurons.score_result": {**tables, "values": np.zeros((3, 3, given.model.n_neurons))},
        "neurons.stability": {
            "parts": [given.parts, given.other],
            "others": {"all": given.counts},
            "resamples": 1,
            "top_rate": 0.2,
            "bar": 0.8,
            **QUICK,
        },
        "neurons.stages": {"ternary": given.classes, "parts": 2, "resamples": 2, **QUICK},
        "neurons.steer": {
            **texts,
            "members": given.groups,
            "firing": given.counts,
            "off": "de",
            "on": "en",
            "doses": [1.0],
            "controls": 1,
        },
        "neurons.ternary": {"firing": given.counts, "top_rate": 0.2, "bar": 0.8, "lam": 0.1, "variant": "paper"},
        "patching.attribution": {**pairs, "steps": 1, "sample": 3},
        "patching.circuit": {**pairs, "candidates": 1, "controls": 1, "drop": 0.9},
        "patching.concepts": {**words, "mean_over": [], "limit": 2},
        "patching.cross_layer": {**pairs, "position": -1},
        "patching.cross_position": {**pairs, "layer": 0},
        "patching.edges": {**pairs, "steps": 0, "sample": 3},
        "patching.onsets": {
            "model": given.model,
            "words": given.words,
            "languages": ["de", "en"],
            "shots": 1,
            "limit": 1,
            **QUICK,
        },
        "patching.overlap": {"circuits": {"a": given.circuit, "b": given.circuit}, "permutations": 2},
        "patching.path": {**pairs, "senders": [(0, 1)], "receiver": "final"},
        "patching.sweep": {**pairs, "site": "head", "over": None, "metric": "nll"},
        "lens.by_language": {**words, "languages": ["de", "en"], "limit": 2, "tuned": given.tuned},
        "lens.depth": {**words, "limit": 2, "tuned": given.tuned},
        "lens.latent": {**words, "languages": ["de", "en"], "limit": 2, "tuned": given.tuned},
        "lens.logit_lens": {
            "model": given.model,
            "texts": ["Ei", "Hau"],
            "target": "x",
            "foil": "y",
            "tuned": given.tuned,
            **QUICK,
        },
        "lens.tune": {**texts, "steps": 1, "rows": 2, "held_out": 0.4},
        "planted.concepts": {**planted, "concepts": 3, "concept_layer": 0, "language_layer": 0},
        "planted.heads": {**planted, "heads": 4, "texts": 2, "concepts": 2},
        "planted.neurons": {**planted, "neurons": 100, "texts": 2, "specific": 1, "related": 0, "general": 0},
        "planted.score": {"result": given.truth, "truth": given.truth},
        **_figures(given),
        "live.explorer": {"model": given.model, "results": given.importance, "sentences": given.corpus},
        "live.lens": {"model": given.model, "text": "Ei", "tuned": given.tuned, "target": "x"},
    }


def _loading(given: SimpleNamespace) -> dict[str, dict]:
    return {
        "load_model": {"name": tiny("gpt2"), "tokenizer": byte_tokenizer()},
        "load_corpus": {"source": given.corpus, "languages": ["de"], "limit": 1},
        "load_pairs": {"source": given.pairs},
        "load_prompts": {"folder": given.folder / "prompts.csv"},
        "load_task": {"source": "words", "languages": ["de", "fr"], "limit": 2, "delimiter": " "},
        "load_words": {"source": given.words, "languages": ["de", "en"]},
        "translation_pairs": {"words": given.words, "source": "de", "target": "en", "shots": 1, "limit": 1},
        "load_result": {"path": given.folder / "counts.nc"},
        "save_result": {"result": given.counts, "path": given.folder / "saved.nc"},
        "show": {"result": given.ablate, "variable": "delta", "most": 3},
    }


def _evaluation(given: SimpleNamespace) -> dict[str, dict]:
    task = {"model": given.model, "task": given.quiz, **QUICK}
    fluent = {"completion": ["eins zwei drei vier fünf", "one two three four five"]}
    return {
        "evaluation.accuracy": {**task, "format": "cloze", "normalize": "none", "shots": 0, "heads": [(0, 1)]},
        "evaluation.barriers": {**task, "variants": ["gt"], "shots": 0},
        "evaluation.choose": {"result": given.answers, "normalize": "characters"},
        "evaluation.compare": {"before": given.answers, "after": given.answers},
        "evaluation.confusion": {"responses": given.prompts.assign(**fluent), "identify": first_letter, "bar": 0.2},
        "evaluation.consistency": {"result": given.answers, "pivot": "de", "permutations": 5},
        "evaluation.cypher": {
            "model": wb.load_model(),
            "task": wb.load_task("cypher", languages="en", limit=2),
            "write": False,
            "prompt_languages": "en",
            "progress": False,
        },
        "evaluation.efficiency": {
            "tokenization": given.split,
            "accuracy": {"bytes": given.answers, "letters": given.answers},
        },
        "evaluation.from_lm_eval": {"path": given.folder / "samples_quiz_de_2026-01-02T03-04-05.678.jsonl"},
        "evaluation.load_task": {"source": "words", "languages": ["de", "fr"], "limit": 2, "delimiter": " "},
        "evaluation.mitigation": {
            "model": given.model,
            "prompts": given.prompts,
            "settings": {"plain": {"tokens": 1}},
            "identify": first_letter,
            "progress": False,
        },
        "evaluation.mixed": {"task": given.quiz, "variant": "full", "shots": 0},
        "evaluation.openings": {"model": given.model, "corpus": given.corpus, "tokens": 2},
        "evaluation.respond": {"model": given.model, "prompts": given.prompts, "tokens": 1, **QUICK},
        "evaluation.table": {"results": {"quiz": given.answers}},
        "evaluation.to_lm_eval": {"task": given.quiz, "folder": NEW},
        "evaluation.tokenization": {"tokenizers": {"letters": list}, "corpus": given.corpus, "pivot": "de"},
        "evaluation.under": {**task, "groups": {"de": [(0, 1)]}, "measure": "accuracy", "controls": 1},
    }


def _circuits(given: SimpleNamespace) -> dict[str, dict]:
    both = {"transcoder": given.transcoder, "model": given.model}
    texts = {**both, "corpus": given.corpus, **QUICK}
    traced = {"transcoder": random_transcoder(3, 32, features=4), "model": given.model, "prompt": "Ei"}
    graph = wb.circuits.graph(**traced, progress=False)
    return {
        "circuits.exact": {"model": given.model, "tolerance": 10.0},
        "circuits.firing": {**texts, "draws": 3},
        "circuits.intervene": {**both, "values": {(0, 1): 0.0}},
        "circuits.knockout": {
            **texts,
            "groups": {"de": [(0, 1)]},
            "firing": given.feature_counts,
            "controls": 1,
        },
        "circuits.overlap": {**texts, "permutations": 3},
        "circuits.profile": {"firing": given.feature_counts},
        "circuits.swap_language": {
            **both,
            "words": given.words,
            "source": "de",
            "target": "en",
            "to": "fr",
            "members": {"en": [(0, 1)], "fr": [(1, 2)]},
            "firing": given.feature_counts,
            "shots": 1,
            "controls": 1,
            **QUICK,
        },
        "circuits.load": {"path": given.dictionary, "layout": "circuit_tracer", "reads": "mlp_in", "writes": "mlp_out"},
        "circuits.save": {
            "transcoder": given.transcoder,
            "folder": NEW,
            "layout": "circuit_tracer",
            "dtype": "float16",
        },
        "circuits.quality": {**texts, "modes": ["replaced"], "level": 0.9},
        "circuits.random": {**texts, "seed": 1},
        "circuits.train": {"model": given.model, "corpus": given.corpus, "steps": 2, "features": 4, "progress": False},
        "circuits.accept": {
            "model": given.model,
            "pairs_by_language": {"de": given.pairs, "en": given.pairs},
            "parts": [(0, 1), (1, 2)],
            "controls": 9,
            "level": 0.9,
            **QUICK,
        },
        "circuits.contexts": {**texts, "features": [(0, 1)], "top": 1, "window": 2},
        "circuits.direction": {"model": given.model, "words": given.words, "language": "de", "after": " "},
        "circuits.export": {"graph": graph, "path": NEW},
        "circuits.graph": {**traced, "target": ("x", "y"), "max_features": 3, "progress": False},
        "circuits.prune": {"graph": graph, "nodes": 0.5, "edges": 0.9},
    }


def _steering(given: SimpleNamespace) -> dict[str, dict]:
    texts = {"model": given.model, "corpus": given.corpus, **QUICK}
    german = given.vectors.sel(language="de")
    space = {"model": given.model, "subspace": given.space, "layers": [0], "scale": 0.5}
    subspace = {**texts, "rank": 1, "pivot": "de", "positions": "all"}
    return {
        "steering.curve": {
            "model": given.model,
            "prompts": list("abcd"),
            "direction": german,
            "identify": first_letter,
            "strengths": [1.0],
            "layers": [1],
            "baselines": {"nothing": lambda strength: nullcontext()},
            "instruction": "Do: {prompt}",
            "tokens": 1,
            "others": 1,
            **QUICK,
        },
        "steering.directions": {**texts, "kind": "sparse", "coordinates": 2, "layer": 1},
        "steering.project": space,
        "steering.random": {"result": german},
        "steering.scaled": {"direction": german, "strength": 0.5, "layers": 1, "unit": "residual"},
        "steering.score": {
            "model": given.model,
            "responses": given.prompts.assign(completion=["Der", "The"], language="", target="de"),
            "identify": first_letter,
            "others": 1,
            **QUICK,
        },
        "steering.steer": {
            "model": given.model,
            "prompts": ["Ei", "Hau"],
            "direction": german,
            "strength": 0.5,
            "tokens": 1,
            **QUICK,
        },
        "steering.subspace": subspace,
        "merging.project": space,
        "merging.subspace": subspace,
    }


def _inside(given: SimpleNamespace) -> dict[str, dict]:
    return {
        "laboratories.inside": {
            "corpus": given.corpus,
            "words": given.words,
            "languages": ["de", "en"],
            "source": "de",
            "target": "en",
            "trained": "de",
            "parts": ["heads"],
            "limit": 2,
            "shots": 1,
            **QUICK,
        },
    }


def _merging(given: SimpleNamespace) -> dict[str, dict]:
    pair, quiet = wb.merging.pair("polyglot-base", "polyglot-aligned", "polyglot"), {"progress": False}
    places = ["language", "task"]
    return {
        "merging.combine": {"pair": pair, "how": "linear", "out": NEW, "weights": [1.0, 2.0], "dtype": None, **quiet},
        "merging.compare": {"models": {"one": given.model, "other": given.model}, "task": given.quiz, **QUICK},
        "merging.difference": {"pair": pair, "top": 0.1, **quiet},
        "merging.importance": {
            "expert": given.model,
            "base": wb.load_model(tiny("llama", 1), tokenizer=byte_tokenizer()),
            "tasks": {"quiz": given.quiz},
            "groups": ["q", "k"],
            **QUICK,
        },
        "merging.lens": {
            "model": "polyglot",
            "rows": given.corpus,
            "subspace": planted_subspace(wb.load_model()),
            "out": NEW,
            "progress": False,
        },
        "merging.side_by_side": {
            "before": given.model,
            "after": given.experts,
            "corpus": given.corpus,
            "pairs": given.pairs,
            "parts": ["outputs", "states"],
            **QUICK,
        },
        "merging.layer_map": {"layers": 6, "bottom": 5, "top": 2, "seams": 1},
        "merging.mirrored": {"layers": places},
        "merging.pair": {"base": "polyglot-base", "task": "polyglot-aligned", "language": "polyglot"},
        "merging.tune": {
            "base": "polyglot",
            "documents": ["Der Hund", ("(Hund) = ", "dog")],
            "out": NEW,
            "recipe": wb.merging.Tuning(steps=1, batch=1, length=16),
            "trainable": None,
            **quiet,
        },
        "merging.revert": {"expert": "polyglot-aligned", "base": "polyglot", "groups": ["q"], "out": NEW, **quiet},
        "merging.shuffled": {"layers": places, "count": 2, "seed": 0},
        "merging.swap": {"pair": pair, "layers": places * 3, "out": NEW, "ends": "task", "dtype": None, **quiet},
    }


def _figures(given: SimpleNamespace) -> dict[str, dict]:
    return {
        "figures.agreement": {"result": given.agreement, "reference": "zero"},
        "figures.animation": {"result": given.layers, "variable": "effect", "over": "source_layer"},
        "figures.bars": {"result": given.ablate, "variable": "baseline"},
        "figures.inside": {"result": given.inside, "language": "de"},
        "figures.before_after": {"result": given.change},
        "figures.curves": {"result": given.importance, "variable": "importance", "layer": 0, "x": "head"},
        "figures.explorer": {"results": given.importance},
        "figures.graph": {"result": attribution_graph(), "nodes": 3, "edges": 3},
        "figures.graph_page": {"graphs": attribution_graph(), "path": given.folder / "graph.html", "nodes": 3},
        "figures.heatmap": {"result": given.importance, "variable": "importance", "columns": 1},
        "figures.lens_grid": {"result": given.sentences},
        "figures.matrix": {"result": given.importance, "variable": "importance", "layer": 0},
        "figures.model_explorer": {"results": {"polyglot": [given.importance], "again": [given.ablate]}},
        "figures.neuron": {"result": given.neuron},
        "figures.neuron_card": {"result": given.neuron},
        "figures.pattern_pair": {"left": ([[1.0]], ["a"], "one"), "right": ([[1.0]], ["b"], "other")},
        "figures.scatter": {
            "result": wb.evaluation.efficiency(given.split, {"bytes": given.answers, "letters": given.answers})
        },
        "figures.titled": {"figure": go.Figure(), "title": "What?", "under": "a line", "columns": 1},
        "figures.embed": {"form": "html"},
        "figures.paper": {"figure": go.Figure(), "width": "page", "height": 60.0},
        "figures.save": {"figure": go.Figure(), "path": given.folder / "figure.html", "dpi": 100},
    }


def call(function, options: dict):
    """Call a function; what it takes by place, any number of them, is given by place."""
    names = {key: Path(mkdtemp(dir=Path.cwd())) / "new" if one is NEW else one for key, one in options.items()}
    places = []
    for one in inspect.signature(function).parameters.values():
        several = one.kind is inspect.Parameter.VAR_POSITIONAL
        if several or (one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and one.name in names):
            places.append(names.pop(one.name))
    return function(*places, **names)
