import io
import zipfile

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadCorpus, MissingExtra, UnknownLanguage
from workbench.text.languages import DEFAULT

features = wb.laboratories.features
CODES = ["ara", "arb", "cmn", "deu", "fin", "zho"]
VALUES = np.arange(18).reshape(6, 3, 1) / 17


def uriel(target, data=VALUES, codes=CODES, **arrays):
    """A file of the arrays that lang2vec ships, of six languages and three features."""
    names = np.array(["S_SVO", "P_TONE", "INV_A"])
    arrays = {"data": np.array(data, np.float32), "langs": np.array(codes), "feats": names, **arrays}
    np.savez(target, **{name: array for name, array in arrays.items() if array is not None})
    return target


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package lang2vec that cannot be imported, as the real one."""
    folder = tmp_path / "site" / "lang2vec"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('no pkg_resources')")
    uriel(folder / "data" / "feature_predictions.npz")
    monkeypatch.syspath_prepend(folder.parent)
    return folder


def test_facts_become_indicators(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_text("fact\tmeaning\tde\ttr\tja\norder\tof words\tSVO\tSOV\tSOV\ntone\t\tno\tno\tno\n")
    made = features(path)
    expected = {"order=SOV": [0.0, 1.0, 1.0], "order=SVO": [1.0, 0.0, 0.0], "tone=no": [1.0, 1.0, 1.0]}
    pd.testing.assert_frame_equal(made, pd.DataFrame(expected, index=["de", "tr", "ja"]), check_names=False)
    assert (made.index.name, made.columns.name, made.attrs["source"]) == ("language", "feature", str(path))
    assert features(path, languages="ja,de").index.tolist() == ["ja", "de"]


def test_uriel_from_a_file_and_from_a_wheel(tmp_path):
    path = uriel(tmp_path / "feature_predictions.npz")
    made = features(path, languages=["zh", "de", "ar"])
    assert made.columns.tolist() == ["S_SVO", "P_TONE", "INV_A"]
    # Mandarin and Standard Arabic, not the rows of their macrolanguages.
    np.testing.assert_allclose(made, VALUES[[2, 3, 1], :, 0], rtol=1e-6)
    same = features(path, languages=["zh-Hant", "de-AT", "ar-EG"])  # of the language, whatever the script or region
    np.testing.assert_array_equal(same, made)
    inside = io.BytesIO()
    uriel(inside)
    with zipfile.ZipFile(tmp_path / "lang2vec-1.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("lang2vec/data/feature_predictions.npz", inside.getvalue())
    again = features(tmp_path / "lang2vec-1.1.2-py3-none-any.whl", languages="zh,de,ar")
    pd.testing.assert_frame_equal(again, made)
    assert again.attrs["hash"] == made.attrs["hash"]


def test_sources_are_averaged_where_they_know(tmp_path):
    data = np.concatenate([VALUES, np.full_like(VALUES, -1)], axis=2)
    data[3, :, 1] = 1.0
    made = features(uriel(tmp_path / "mean.npz", data), languages="de,fi")
    np.testing.assert_allclose(made.loc["de"], (VALUES[3, :, 0] + 1) / 2, rtol=1e-6)
    np.testing.assert_allclose(made.loc["fi"], VALUES[4, :, 0], rtol=1e-6)


def test_an_installed_package_is_read_and_not_imported(package):
    made = features("lang2vec", languages="de,fi")
    np.testing.assert_allclose(made, VALUES[[3, 4], :, 0], rtol=1e-6)
    pd.testing.assert_frame_equal(features(languages="de,fi"), made)
    (package / "data" / "feature_predictions.npz").unlink()
    with pytest.raises(MissingExtra, match="lang2vec is not installed; run: pip install"):
        features("lang2vec")


def test_without_a_package_the_facts_are_read(monkeypatch):
    monkeypatch.setattr("workbench.laboratories.typology.features.installed", lambda: None)
    made = features()
    assert made.attrs["source"] == "typology"
    pd.testing.assert_frame_equal(features("typology"), made)
    assert made.index.tolist() == list(DEFAULT)


def test_frames_pass_through():
    frame = pd.DataFrame({"x": [1, 0]}, index=["de", "fi"])
    assert features(frame)["x"].tolist() == [1.0, 0.0]
    assert features(features(frame), languages="fi").index.tolist() == ["fi"]


def test_bad_files(tmp_path):
    unknown = VALUES.copy()
    unknown[3, 1] = -1
    with pytest.raises(BadCorpus, match="1 cells are unknown, such as P_TONE of de"):
        features(uriel(tmp_path / "features.npz", unknown), languages="de,fi")
    with pytest.raises(BadCorpus, match=r"no URIEL features.*feats"):
        features(uriel(tmp_path / "less.npz", feats=None), languages="de")
    with pytest.raises(BadCorpus, match=r"shape \(6, 2, 1\), not \[6 languages, 3 features, sources\]"):
        features(uriel(tmp_path / "cut.npz", VALUES[:, :2]), languages="de")
    with pytest.raises(BadCorpus, match=r"no URIEL features.*pickle"):
        features(uriel(tmp_path / "code.npz", langs=np.array([object()] * 6)), languages="de")
    for name in ("empty.npz", "empty.whl", "empty.tsv"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(BadCorpus, match=name):
            features(tmp_path / name)
        with pytest.raises(BadCorpus, match=f"none-{name}"):
            features(tmp_path / f"none-{name}")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("de\ttr\n1\t2\n", BadCorpus, "no column 'fact'"),
        ("fact\tde\ttr\norder\tSVO\t\n", BadCorpus, "line 2: the cell of tr is empty"),
        ("fact\tde\ttr\norder\ta\tb\norder\tb\ta\n", BadCorpus, "'order' comes more than once"),
        ("fact\tde\tqqq9\norder\tSVO\tSOV\n", UnknownLanguage, "'qqq9' is no language"),
        ("fact\tde\ttr\n", BadCorpus, "there are no facts"),
    ],
)
def test_bad_facts(tmp_path, text, error, message):
    path = tmp_path / "facts.tsv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        features(path)


def test_languages_that_are_not_there(tmp_path):
    path = uriel(tmp_path / "x.npz")
    with pytest.raises(UnknownLanguage, match=r"'sw' \(Swahili\) is not among the 6 languages"):
        features(path, languages="de,sw")
    with pytest.raises(BadArgument, match="each once"):
        features(path, languages="de,de")
    with pytest.raises(UnknownLanguage, match=r"'sw' is not in typology \(has: ar"):
        features("typology", languages="sw")
    with pytest.raises(BadCorpus, match="cannot read features from int"):
        features(3)
