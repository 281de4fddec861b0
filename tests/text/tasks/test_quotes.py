"""Opening quotation marks, by hand."""

import pytest

from workbench.text.tasks.quotes import opens_quote


@pytest.mark.parametrize(
    ("text", "opens"),
    [
        ('Deutsch: "', True),
        ('"', True),
        ('He said "yes"', False),
        ('("', True),
        ("the dogs'", False),
        ("He said '", True),
        ("Sie sagt „", True),
        ("Sie sagt „Ja“", False),
        ("She said “", True),
        ("She said “yes”", False),
        ("他说：“", True),
        ("他说「", True),
        ("Il dit «", True),
        ("Il dit « oui »", False),
        ("Sie sagt »", True),
        ("Sie sagt »ja«", False),
        ("Hon sa ”", True),
        ("“A” and “", True),
        ("„Nein\nShe said “", True),  # another line's mark is open
        ("The sky is", False),
        ("(", False),
        ("", False),
        ("a\n", False),
    ],
)
def test_a_mark_opens_where_nothing_is_there_to_close(text, opens):
    assert opens_quote(text) is opens
