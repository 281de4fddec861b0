"""The commands of the neurons' room: what each writes and says."""

from tests.models import save
from workbench.results.files import load_result


def test_stages(run, model, corpus, tmp_path):
    done = run("neurons", "stages", model, corpus, "--top-rate", "0.2")
    assert done.exit_code == 2  # the small model has three layers
    assert "4 parts need at least 4 layers, this model has 3" in done.stderr


def test_knockout(run, model, corpus, tmp_path):
    out = tmp_path / "off"
    done = run("neurons", "knockout", model, corpus, "--controls", "2", "--out", out, "--seed", "3", "--quiet")
    assert done.exit_code == 0, done.output
    names = ["firing.nc", "knockout.nc", "members.nc", "report.html"]
    assert done.stdout.splitlines() == [str(out / name) for name in names]
    result = load_result(out / "knockout.nc")
    assert result.group.values.tolist() == result.language.values.tolist() == ["de", "fr", "ja"]
    assert result.sizes["control"] == 2
    assert "without a language's neurons?" in (out / "report.html").read_text(encoding="utf-8").replace("&#x27;", "'")
    text = (out / "report.html").read_text(encoding="utf-8")
    cells = [float(result.delta.sel(group=code, language=code)) for code in ("de", "fr", "ja")]
    bounds = [float(result.control_high.sel(group=code, language=code)) for code in ("de", "fr", "ja")]
    above = sum(cell > bound for cell, bound in zip(cells, bounds, strict=True))
    assert f"{above} of 3 languages lose more than the band of random groups reaches; chance gives about 0.075." in text
    assert run("neurons", "knockout", model, corpus, "--method", "best").exit_code == 2


def test_compare(run, model, corpus, tmp_path):
    other = save("llama", tmp_path / "other", seed=1)
    out = tmp_path / "both"
    done = run("neurons", "compare", model, other, corpus, "--trained", "de", "--out", out)
    assert done.exit_code == 0, done.output
    result = load_result(out / "compare.nc")
    assert result.trained.values.tolist() == [True, False, False]
    assert "keep their class" in (out / "report.html").read_text(encoding="utf-8")


def test_look(run, model, corpus, tmp_path):
    out = tmp_path / "one"
    done = run("neurons", "look", model, corpus, "1", "7", "--out", out, "--quiet")
    assert done.exit_code == 0, done.output
    card = (out / "neuron.html").read_text(encoding="utf-8")
    assert "Neuron 7 of layer 1" in card
    assert "Japanese" in card
    assert load_result(out / "look.nc").label.sizes["method"] == 4
    assert "does not exist" in run("neurons", "look", model, corpus, "9", "7").stderr


def test_routing(run, model, corpus, tmp_path):
    mixture, out = save("qwen2_moe", tmp_path / "mixture"), tmp_path / "routed"
    done = run("neurons", "routing", mixture, corpus, "--permutations", "19", "--out", out, "--quiet")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [str(out / name) for name in ("routing.nc", "report.html")]
    result = load_result(out / "routing.nc")
    assert result.share.dims == ("language", "layer", "expert")
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "Languages are routed furthest apart in layer 1" in text
    assert "Layers without a router: 0, 2." in text
    assert "within each row of translations, 19 times" in text
    refused = run("neurons", "routing", model, corpus)
    assert refused.exit_code == 2 and "it is dense" in refused.stderr
