"""The card's measurements by intervention, and the comparison with what is stored."""

import json

import numpy as np
import pytest
import xarray as xr

from workbench import shipped
from workbench.errors import BadArgument
from workbench.studies.cards.card import compare, read_stored, verdict
from workbench.studies.cards.card_effects import contrasts, onset_of, own_heads, own_neurons, routes

LANGUAGES = ["ar", "de", "en", "es"]


def test_own_heads_have_the_largest_share_beyond_the_others():
    scores = np.ones((3, 2, 2))
    scores[0, 1, 0] = 5.0
    scores[1] *= 100  # only shares count
    scores[1, 0, 1] = 900.0
    scores[2, 1, 1] = 3.0
    found = xr.Dataset({"importance": (("language", "layer", "head"), scores)}, {"language": ["de", "fr", "ja"]})
    assert own_heads(found, count=1) == {"de": [(1, 0)], "fr": [(0, 1)], "ja": [(1, 1)]}
    assert [len(pairs) for pairs in own_heads(found).values()] == [2, 2, 2]


def test_own_neurons_are_those_of_lape():
    fired = np.full((2, 2, 50), 50)
    fired[0, 1, 7], fired[1, 1, 7] = 90, 0
    fired[0, 0, 3], fired[1, 0, 3] = 0, 90
    counts = xr.Dataset(
        {"fired": (("language", "layer", "neuron"), fired), "tokens": (("language",), [100, 100])},
        {"language": ["de", "ja"]},
    )
    assert own_neurons(counts, top_rate=0.02) == {"de": [(1, 7)], "ja": [(0, 3)]}


def knocked(own, *, random=0.0, noise=0.01, seed=0):
    """A result of knock-out in which a group costs its own language `own` more than the others."""
    rng = np.random.default_rng(seed)
    delta = 0.2 + rng.normal(0, noise, (4, 4, 20)) + np.eye(4)[:, :, None] * own
    control = rng.normal(0, noise, (4, 4, 20))
    drawn = np.zeros((4, 3, 4))
    drawn[:, 0] = np.eye(4) * random
    cells = ("group", "language")
    return xr.Dataset(
        {
            "delta": (cells, delta.mean(2)),
            "sample_delta": ((*cells, "sample"), delta),
            "sample_control": ((*cells, "sample"), control),
            "control_delta": (("group", "control", "language"), drawn),
            "heads": (("group",), [2] * 4),
        },
        {"group": LANGUAGES, "language": LANGUAGES},
    )


def test_contrasts_equal_a_plain_loop():
    result = knocked(0.3)
    found = contrasts(result)
    for place, code in enumerate(LANGUAGES):
        values = []
        for sample in range(20):
            rise = [
                float(result.sample_delta[place, k, sample] - result.sample_control[place, k, sample]) for k in range(4)
            ]
            values.append(rise[place] - sum(rise[k] for k in range(4) if k != place) / 3)
        row = found[code]
        assert row["contrast"] == pytest.approx(np.mean(values), abs=1e-4)
        assert row["low"] < np.mean(values) < row["high"]
        assert row["own"] == pytest.approx(float(result.delta[place, place]), abs=1e-4)
        assert row["holds"] and row["size"] == 2 and row["p_value"] < 0.05


def test_contrasts_do_not_hold_without_an_effect_nor_where_random_groups_do_as_much():
    assert not any(row["holds"] for row in contrasts(knocked(0.0, noise=0.1, seed=3)).values())
    as_much = contrasts(knocked(0.3, random=0.5))
    assert all(row["low"] > 0 for row in as_much.values()) and not any(row["holds"] for row in as_much.values())
    assert not any(row["holds"] for row in contrasts(knocked(-0.3)).values())


@pytest.mark.parametrize("count", [6, 8, 12])
def test_routes_give_every_language_every_part(count):
    names = [f"l{number}" for number in range(count)]
    found = routes(names)
    assert list(found) == names
    for target, route in found.items():
        shown, asked = route["source"].split("-")
        assert route["target"].endswith(f"-{target}") and asked != target
        taken = {target, asked, route["target"].split("-")[0]}
        assert shown == route["mean_over"][0] and not taken & set(route["mean_over"])
        assert 3 <= len(set(route["mean_over"])) <= 4
    assert sorted(route["source"].split("-")[1] for route in found.values()) == sorted(names)


def test_onset_is_where_half_is_lost():
    assert onset_of([0.8, 0.6, 0.2, 0.0]) == 1.5
    assert onset_of([1.0, 0.0]) == 0.5
    assert onset_of([0.4, 0.4, 0.4]) == 2.0
    assert onset_of([0.0, 0.0]) == 0.0


EVALUATION = {
    "weights": "a",
    "bits_per_byte": {"de": {"model": 2.0, "ngram": 1.5, "xz": 3.0}},
    "shipped_bits_per_byte": {"de": 2.5},
    "translation": {"held_out": {"exact_match": 0.9, "by_target": {"de": 0.8}, "by_source": {"de": 0.7}}},
    "language": {"mean": 0.9, "generated": {"de": 0.9}},
    "knockout": {
        "heads": {"de": {"contrast": 0.3, "own": 1.0}},
        "neurons": {"de": {"contrast": 0.3, "own": 0.0}},
        "languages_hurt": ["de"],
    },
    "patching": {"by_target": {"de": {"moved": 0.6, "kept": 1.0}}, "onset": 0.5, "languages_moved": ["de"]},
}


def test_comparison_says_what_was_reproduced():
    table = compare(EVALUATION, EVALUATION)
    assert set(table["reproduced"]) == {"yes"} and len(table) == 16
    assert verdict(table) == "16 of 16 numbers that were measured again are reproduced."
    other = json.loads(json.dumps(EVALUATION))
    other["translation"]["held_out"]["exact_match"] = 0.885  # tolerance 0.01
    other["knockout"]["heads"]["de"]["contrast"] = 0.36  # tolerance 0.02 + 0.05 * 1.0
    other["knockout"]["neurons"]["de"]["contrast"] = 0.33  # tolerance 0.02
    other["weights"] = "b"
    del other["bits_per_byte"]
    table = compare(EVALUATION, other)
    assert list(table.index[table["reproduced"] == "no"]) == [
        "translation, held_out",
        "without the neurons of de: contrast [nats]",
    ]
    assert next(iter(table.index[table["reproduced"] == "as stored"])) == "bits per byte, de"
    said = verdict(table)
    assert said.startswith("11 of 13") and "3 are shown as stored" in said and "other weights" in said
    assert set(compare({}, EVALUATION)["reproduced"]) == {"new"}


def test_a_model_without_stored_numbers_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "DATA", tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "one" / "evaluation.json").write_text("{")
    with pytest.raises(BadArgument, match=r"'two' has no evaluation.json .*\(has: one\)"):
        read_stored(tmp_path / "two", "two", needed=True)
    with pytest.raises(BadArgument, match="not JSON"):
        read_stored(tmp_path / "one", "one", needed=True)
    with pytest.raises(BadArgument, match="no evaluation"):
        read_stored(tmp_path / "nothing", "nothing", needed=False)
    (tmp_path / "two" / "training.json").write_text("{}")
    assert read_stored(tmp_path / "two", "two", needed=False) == {}


def test_the_study_writes_the_numbers_and_keeps_what_needs_the_corpus(tmp_path, monkeypatch):
    from workbench.studies.cards import card

    measured = {name: EVALUATION[name] for name in ("weights", "shipped_bits_per_byte", "translation", "language")}
    written = []
    monkeypatch.setattr(card, "evaluate", lambda folder, corpus, words, count, progress: dict(measured))
    monkeypatch.setattr(card, "load_model", lambda name: None)
    monkeypatch.setattr(card, "measure_knockout", lambda *_, **__: EVALUATION["knockout"])
    monkeypatch.setattr(card, "measure_patching", lambda *_, **__: EVALUATION["patching"])
    monkeypatch.setattr(card, "write_card", written.append)
    stored = tmp_path / "evaluation.json"
    (tmp_path / "training.json").write_text("{}")
    assert set(card.run_card(str(tmp_path), write=True)["reproduced"]) == {"new"}
    assert written == [tmp_path] and "bits_per_byte" not in json.loads(stored.read_text())
    stored.write_text(json.dumps(EVALUATION))
    table = card.run_card(str(tmp_path))
    assert dict(table["reproduced"].value_counts()) == {"yes": 13, "as stored": 3}
    card.run_card(str(tmp_path), write=True)
    assert json.loads(stored.read_text()) == EVALUATION
    measured["weights"] = "another"
    card.run_card(str(tmp_path), write=True)
    assert "bits_per_byte" not in json.loads(stored.read_text())  # those were of other weights
    with pytest.raises(BadArgument, match="text/<language>"):
        card.run_card(str(tmp_path), corpus=tmp_path)
