"""Heads by name."""

from workbench.studies.heads.named import named_heads


def test_both_spellings_are_read_and_nothing_else():
    assert named_heads("L2H1, 4.0,l10h3") == [(2, 1), (4, 0), (10, 3)]
    for other in ("de", "2", "L2H1,de", "", "L2H1,", "2.3.4"):
        assert named_heads(other) == []
