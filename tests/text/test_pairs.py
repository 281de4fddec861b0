import json
import warnings

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import BadArgument, BadPairs
from workbench.text.pairs import Pair, Pairs, first_tokens

ROW = {"source": "Rome is\nin ", "target": "Paris is\nin ", "answer": " Italy", "foil": " France"}
PAIR = Pair(**ROW)


def test_every_source_gives_the_same_pairs(tmp_path):
    (tmp_path / "a.tsv").write_text("\t".join(ROW) + "\n" + "\t".join(ROW.values()).replace("\n", "\\n") + "\n")
    (tmp_path / "a.jsonl").write_text(json.dumps(ROW) + "\n")
    pd.DataFrame([ROW]).to_csv(tmp_path / "a.csv", index=False)
    sources = [tmp_path / "a.tsv", tmp_path / "a.jsonl", str(tmp_path / "a.csv"), pd.DataFrame([ROW]), [ROW], [PAIR]]
    for source in sources:
        pairs = wb.load_pairs(source)
        assert pairs.items == (PAIR,)
        assert pairs.hash == Pairs((PAIR,), "other").hash
    assert wb.load_pairs(pairs) is pairs


def test_pairs_behave_like_a_tuple():
    other = Pair("a", "b", "c", "d")
    pairs = Pairs((PAIR, other), "two", dropped=3)
    assert len(pairs) == 2
    assert list(pairs) == [PAIR, other]
    assert pairs[1] is other
    assert pairs.hash != Pairs((other, PAIR), "two").hash
    assert pairs.info == {"source": "two", "hash": pairs.hash, "counts": {"pairs": 2}, "dropped": 3}


def test_roles_and_names_come_along(tmp_path):
    expected = Pair(**ROW, roles={"city": 0, "last": -1}, name="Italy")
    rich = ROW | {"roles": {"city": 0, "last": -1}, "name": "Italy", "note": "left aside"}
    assert wb.load_pairs([rich])[0] == expected
    (tmp_path / "a.jsonl").write_text(json.dumps(rich))
    assert wb.load_pairs(tmp_path / "a.jsonl")[0] == expected
    assert wb.load_pairs(pd.DataFrame([rich | {"roles": '{"city": 0, "last": -1}'}]))[0] == expected
    assert wb.load_pairs(pd.DataFrame([ROW | {"roles": None, "name": None}]))[0] == PAIR


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"source": "a", "target": "b", "answer": "c"}, r"list, pair 1: 'foil' is nothing"),
        (ROW | {"answer": "  "}, r"pair 1: 'answer' is '  '"),
        (ROW | {"target": None}, r"pair 1: 'target' is None"),
        (ROW | {"source": 3}, r"pair 1: 'source' is 3"),
        (ROW | {"foil": " Italy"}, r"answer and foil are both ' Italy'"),
        (ROW | {"roles": {"city": "0"}}, r"pair 1: 'roles' is"),
        (ROW | {"roles": "not json"}, r"pair 1: 'roles' is 'not json'"),
        ("text", r"pair 1: str instead of a dict"),
    ],
)
def test_a_bad_pair_names_row_and_field(row, says):
    with pytest.raises(BadPairs, match=says):
        wb.load_pairs([ROW, row])


def test_bad_files(tmp_path):
    path = tmp_path / "a.tsv"
    with pytest.raises(BadPairs, match="there is no file"):
        wb.load_pairs(path)
    path.write_text("")
    with pytest.raises(BadPairs, match="is empty"):
        wb.load_pairs(path)
    path.write_bytes("source\ttarget\tanswer\tfoil\nä\tb\tc\td\n".encode("latin-1"))
    with pytest.raises(BadPairs, match="not UTF-8: byte 0xe4 at offset 26"):
        wb.load_pairs(path)
    path.write_text("source\ttarget\tanswer\tfoil\na\tb\tc\n")
    with pytest.raises(BadPairs, match="line 2: 3 cells"):
        wb.load_pairs(path)
    path.write_text("source\ttarget\tanswer\tfoil\na\tb\tc\t\n")
    with pytest.raises(BadPairs, match=r"a\.tsv, line 2: 'foil' is None"):
        wb.load_pairs(path)
    path.write_text("source\ttarget\tanswer\tfoil\n")
    with pytest.raises(BadPairs, match="has no pairs"):
        wb.load_pairs(path)
    (tmp_path / "a.xlsx").write_text("x")
    with pytest.raises(BadPairs, match="cannot tell what"):
        wb.load_pairs(tmp_path / "a.xlsx")
    for nothing in ([], {}, 7):
        with pytest.raises(BadPairs):
            wb.load_pairs(nothing)


class Pieces:
    """A tokenizer in the manner of SentencePiece: a text that stands alone begins with a space of its own."""

    vocabulary = ("▁", '"', '▁"', "▁Hu", "Hu", "nd", "▁▁")

    def __call__(self, text, add_special_tokens):
        assert not add_special_tokens
        rest, ids = "▁" + text.replace(" ", "▁"), []
        while rest:
            piece = max((one for one in self.vocabulary if rest.startswith(one)), key=len)
            ids.append(self.vocabulary.index(piece))
            rest = rest[len(piece) :]
        return {"input_ids": ids}

    def decode(self, ids):
        return "".join(self.vocabulary[one] for one in ids).replace("▁", " ")


def test_first_tokens_after_a_quote_and_with_a_space():
    tokenizer = Pieces()
    assert [tokenizer.vocabulary[one] for one in tokenizer('"Hund', add_special_tokens=False)["input_ids"]] == [
        '▁"',
        "Hu",
        "nd",
    ]
    assert {tokenizer.vocabulary[one] for one in first_tokens(tokenizer, "Hund")} == {"▁Hu", "Hu"}


DECOMPOSED = {"source": "cafe\u0301", "target": "thé", "answer": " e\u0301té", "foil": " nuit", "name": "e\u0301"}
COMPOSED = Pair("café", "thé", " été", " nuit", name="é")


def test_pairs_come_in_one_composition_and_hidden_characters_are_named():
    with pytest.warns(UserWarning, match="list: brought into NFC: source 1, answer 1; normalize=None leaves them"):
        assert list(wb.load_pairs([DECOMPOSED])) == [COMPOSED]
    assert wb.load_pairs([DECOMPOSED], normalize=None)[0].source == "cafe\u0301"
    with pytest.raises(BadArgument, match="normalize='nfc'"):
        wb.load_pairs([DECOMPOSED], normalize="nfc")
    for hidden in ("\0", "\u202e", "\ud83d"):
        with pytest.warns(UserWarning, match=rf"hidden or non-text characters \(target 1\): U\+{ord(hidden):04X}"):
            pairs = wb.load_pairs([ROW | {"target": f"a{hidden}"}])
        assert pairs[0].target == ("a\ufffd" if hidden == "\ud83d" else f"a{hidden}")


def test_pairs_that_come_again_are_counted_and_dropped_when_asked():
    rows = [ROW, {**ROW, "source": ROW["source"] + " "}, {**ROW, "answer": "another"}]
    with pytest.warns(UserWarning, match="no further evidence: 1 of 3; deduplicate=True drops them"):
        pairs = wb.load_pairs(rows)
    assert len(pairs) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wb.load_pairs(pairs) is pairs
        fewer = wb.load_pairs(rows, deduplicate=True)
    assert fewer.items == (pairs[0], pairs[2])
    assert fewer.dropped == 1


@pytest.mark.parametrize("form", ["NFC", "NFD", None])
def test_answers_that_differ_in_composition_alone_are_refused(form):
    with pytest.raises(BadPairs, match=r"list, pair 0: answer and foil are both"):
        wb.load_pairs([ROW | {"answer": "e\u0301", "foil": "\u00e9"}], normalize=form)


@pytest.mark.parametrize("items", ["ab", 3, None, [ROW], ["ab"], [Pair("a", "b", "c", None)]])
def test_pairs_by_hand_hold_pairs_of_texts(items):
    with pytest.raises((BadArgument, BadPairs), match=r"items=|is not a Pair|'foil' is None"):
        Pairs(items, "test")


def test_pairs_by_hand_have_no_half_character():
    with pytest.warns(UserWarning, match="half a character"):
        assert Pairs((Pair("a\ud83d", "b", "c", "d"),), "test")[0].source == "a\ufffd"


def test_a_frame_of_pairs_is_read_back_as_the_pairs():
    pairs = Pairs((PAIR, Pair("a", "b", " c", "d", {"subject": 3}, "named")), "test")
    frame = pairs.to_frame()
    assert list(frame) == ["source", "target", "answer", "foil", "roles", "name"]
    assert frame.index.tolist() == [0, 1] and frame.index.name == "pair"
    assert frame.loc[1].tolist() == ["a", "b", " c", "d", {"subject": 3}, "named"]
    assert frame.loc[0, "roles"] is None
    assert wb.load_pairs(frame).items == pairs.items


def test_pairs_say_what_they_are_in_a_line():
    assert repr(Pairs((PAIR,), "test")) == "Pairs(test: 1 pair)"
    assert repr(Pairs((PAIR,) * 3, "test", 2, chat=True)) == "Pairs(test: 3 pairs, 2 dropped, chat)"


def test_pairs_in_a_notebook_show_spaces_and_obey_nothing():
    strange = Pair("<script>x</script>", "\u05e2\u05d1", " Italy", "Fran\nce", {"<b>": 3})
    page = Pairs((strange,) * 12, "<i>name</i>")._repr_html_()
    assert "<script" not in page and "<i>" not in page and "<b>&" not in page
    assert "<bdi>&#x27; Italy&#x27;</bdi>" in page and r"Fran\nce" in page
    assert "<bdi>&#x27;\u05e2\u05d1&#x27;</bdi>" in page
    assert page.count("<tr>") == 11 and "and 2 more" in page
