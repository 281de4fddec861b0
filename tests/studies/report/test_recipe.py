"""A recipe is what one types: its call runs, its command parses, and both have the same defaults."""

import inspect
import re
import shlex
from dataclasses import replace
from html import escape
from types import SimpleNamespace

import pytest
import xarray as xr
from typer.main import get_command
from typer.testing import CliRunner

import workbench as wb
from workbench.cli import app
from workbench.studies import demo, lens
from workbench.studies.heads import removal, scores, search, use
from workbench.studies.merging import compare, importance
from workbench.studies.neurons import classes, effects, look, routing
from workbench.studies.options import Options
from workbench.studies.patching import concepts, paths, sweeps
from workbench.studies.report import recipe
from workbench.studies.report.store import load_report

STUDIES = {
    "demo": (demo.run_demo, ()),
    "heads find": (scores.run_heads, ("polyglot", "parallel")),
    "heads knockout": (removal.run_head_knockout, ("polyglot", "parallel")),
    "heads prune": (removal.run_prune, ("polyglot", "parallel")),
    "heads search": (search.run_search, ("polyglot", "parallel")),
    "heads kinds": (search.run_kinds, ("polyglot", "parallel")),
    "heads agreement": (search.run_agreement, ("polyglot", "parallel")),
    "heads shapley": (search.run_shapley, ("polyglot", "parallel")),
    "heads tune-mask": (use.run_tune_mask, ("polyglot", "words:de-fr")),
    "heads transfer": (use.run_transfer, ("polyglot", "conflicts.jsonl")),
    "heads off-target": (use.run_off_target, ("polyglot", "parallel")),
    "neurons classify": (classes.run_neurons, ("polyglot", "parallel")),
    "neurons stages": (effects.run_stages, ("polyglot", "parallel")),
    "neurons knockout": (effects.run_neuron_knockout, ("polyglot", "parallel")),
    "neurons compare": (effects.run_compare, ("polyglot", "polyglot-aligned", "parallel")),
    "neurons routing": (routing.run_routing, ("polyglot", "parallel")),
    "neurons look": (look.run_look, ("polyglot", "parallel")),
    "patch sweep": (sweeps.run_patch, ("polyglot", "words:de-fr")),
    "patch path": (paths.run_path, ("polyglot", "words:de-fr")),
    "patch cross-position": (paths.run_cross_position, ("polyglot", "words:de-fr")),
    "patch edges": (paths.run_edges, ("polyglot", "words:de-fr")),
    "patch concepts": (concepts.run_concepts, ("polyglot",)),
    "patch onsets": (concepts.run_onsets, ("polyglot",)),
    "lens": (lens.run_lens, ("polyglot",)),
    "merge compare": (compare.run_merge_compare, (["polyglot", "polyglot-aligned"],)),
    "merge importance": (importance.run_merge_importance, ("polyglot-aligned", "polyglot")),
}


def test_defaults_are_left_out():
    found = recipe(scores.run_heads, "heads find", "polyglot", "parallel", out="runs/a", options=Options(), limit=None)
    assert found.command == "workbench heads find polyglot parallel --out runs/a"
    assert found.call == "import workbench as wb\n\nwb.studies.run_heads('polyglot', 'parallel', out='runs/a')"


def test_what_was_asked_is_in_both():
    options = Options(batch_size=4, seed=3, truncate=True, progress=False)
    found = recipe(
        concepts.run_concepts,
        "patch concepts",
        "my model",
        out="/somewhere/else/run",
        options=options,
        source="de-it",
        target="fr-zh",
        mean_over=["de", "es"],
        limit=16,
    )
    assert found.command == (
        "workbench patch concepts 'my model' --source de-it --target fr-zh --mean-over de,es --limit 16 "
        "--batch-size 4 --seed 3 --truncate --out runs/run"
    )
    assert found.call.endswith(
        "run_concepts('my model', source='de-it', target='fr-zh', mean_over=['de', 'es'], limit=16, out='runs/run', "
        "options=wb.studies.Options(batch_size=4, seed=3, truncate=True))"
    )


def test_an_object_has_no_command_and_goes_by_its_name():
    found = recipe(scores.run_heads, "heads find", object(), "parallel", out="a")
    assert found.command == ""
    assert "run_heads(model, 'parallel', out='a')" in found.call
    only = recipe(
        scores.run_heads, "heads find", "m", "c", out="a", only_python=["released_texts"], released_texts=3, limit=2
    )
    assert only.command == "" and "released_texts=3" in only.call


@pytest.mark.parametrize("command", STUDIES)
def test_the_call_fits_the_function_and_the_command_has_its_options(command):
    study, given = STUDIES[command]
    options = Options(
        batch_size=4, device="cpu", dtype="float32", device_map="auto", seed=3, truncate=True, memory="1GB"
    )
    parameters = inspect.signature(study).parameters
    own = [p for p in parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in ("out", "options")]
    own = [p for p in own if p.name not in vars(options) and p.name not in ("released_texts", "ablation_texts")]
    asked = {p.name: 7 if isinstance(p.default, int | None) else "x" for p in own}
    places = ["layer", "neuron"] if command == "neurons look" else []
    only = ["truncate"] if command.startswith(("patch", "lens")) else []
    found = recipe(study, command, *given, out="runs/a", options=options, positional=places, only_python=only, **asked)
    assert bool(found.command) != bool(only)
    if only:
        found = recipe(study, command, *given, out="runs/a", options=replace(options, truncate=False), **asked)
    words = shlex.split(found.command)[1:]
    inner = get_command(app)
    for word in command.split():
        inner = inner.commands[word]
    flags = {flag: one for one in inner.params for flag in one.opts}
    shown = [word for word in words if word.startswith("--")]
    assert set(shown) <= set(flags)
    assert sum(one.param_type_name == "argument" for one in inner.params) == len(given) + len(places)
    for p in (p for p in own if p.name not in places):  # what is left out must mean the same in both
        default = flags["--" + p.name.replace("_", "-")].default
        assert p.default is p.empty or default == p.default or not (default or p.default), p.name
    _, _, call = found.call.partition("\n\n")
    assert getattr(wb.studies, study.__name__) is study  # a public call
    bind = {study.__name__: lambda *args, **named: inspect.signature(study).bind(*args, **named)}
    public = SimpleNamespace(studies=SimpleNamespace(Options=Options, **bind))
    assert eval(call, {"wb": public}).arguments["out"] == "runs/a"


@pytest.mark.parametrize(
    "typed",
    [
        ["heads", "polyglot", "parallel", "--languages=de,fr", "--limit", "2", "-q"],
        ["patch", "polyglot", "words:de-fr", "--limit", "2", "--seed", "3", "--quiet"],
    ],
    ids=["heads", "patch"],
)
def test_a_report_repeats_the_command_as_typed_and_a_public_call_that_runs(tmp_path, monkeypatch, typed):
    done = CliRunner().invoke(app, [*typed, "--out", str(tmp_path / "typed")])
    assert done.exit_code == 0, done.output
    report = load_report(tmp_path / "typed")
    assert report.recipe.shell == shlex.join(["workbench", *typed, "--out", "runs/typed"])
    page = (tmp_path / "typed" / "report.html").read_text(encoding="utf-8")
    assert escape(report.recipe.shell) in page and escape(report.recipe.call) in page
    assert {name.split(".")[0] for name in re.findall(r"\b\w+\.\w[\w.]*(?=\()", report.recipe.call)} == {"wb"}
    monkeypatch.chdir(tmp_path)
    exec(report.recipe.call, {})
    again = tmp_path / "runs" / "typed"
    assert load_report(again).recipe.typed == ""  # nothing was typed
    results = sorted(path.name for path in again.glob("*.nc"))
    assert results == sorted(path.name for path in (tmp_path / "typed").glob("*.nc")) != []
    for name in results:
        xr.testing.assert_identical(*(wb.load_result(run / name).drop_attrs() for run in (again, tmp_path / "typed")))
