"""Runs of analyses: resumable cells, findings computed from numbers, and the report; what the commands run."""

from workbench.lazy import lazily

_NAMES = {
    "Options": "workbench.options",
    "bench": "workbench.studies.study.bench",
    "check": "workbench.studies.study.check",
    "cost": "workbench.studies.study.check",
    "diff": "workbench.studies.study.difference",
    "merge": "workbench.studies.study.merge",
    "query": "workbench.studies.study.table",
    "status": "workbench.studies.study.folder",
    "table": "workbench.studies.study.table",
    "run_agreement": "workbench.studies.heads.search",
    "run_compare": "workbench.studies.neurons.effects",
    "run_concepts": "workbench.studies.patching.concepts",
    "run_cross_position": "workbench.studies.patching.paths",
    "run_demo": "workbench.studies.demo",
    "run_edges": "workbench.studies.patching.paths",
    "run_evaluate": "workbench.studies.evaluation.evaluate",
    "run_head_knockout": "workbench.studies.heads.removal",
    "run_heads": "workbench.studies.heads.scores",
    "run_kinds": "workbench.studies.heads.search",
    "run_lens": "workbench.studies.lens",
    "run_look": "workbench.studies.neurons.look",
    "run_neuron_knockout": "workbench.studies.neurons.effects",
    "run_neurons": "workbench.studies.neurons.classes",
    "run_off_target": "workbench.studies.heads.use",
    "run_onsets": "workbench.studies.patching.concepts",
    "run_patch": "workbench.studies.patching.sweeps",
    "run_path": "workbench.studies.patching.paths",
    "run_prune": "workbench.studies.heads.removal",
    "run_routing": "workbench.studies.neurons.routing",
    "run_search": "workbench.studies.heads.search",
    "run_sentence": "workbench.studies.sentence",
    "run_shapley": "workbench.studies.heads.search",
    "run_stages": "workbench.studies.neurons.effects",
    "run_transfer": "workbench.studies.heads.use",
    "run_tune_mask": "workbench.studies.heads.use",
}
__all__ = [*_NAMES]  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__, __dir__ = lazily(__name__, _NAMES)
