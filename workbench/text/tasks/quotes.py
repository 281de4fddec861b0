"""Whether a text ends in a quotation mark that opens: what follows stands without a space."""

_OPEN = "„‚「『《〈｢〝"  # these never close
_CLOSES = {  # what a mark closes, where that is open; else it opens
    "“": "„",
    "‘": "‚",
    "«": "»",
    "‹": "›",
    "»": "«",
    "›": "‹",
    "”": "“„",
    "’": "‘‚",
    '"': "",
    "'": "",
}
_MOSTLY_OPEN = "“‘«‹"
_BEFORE_WORDS = "([{—–-"


def opens_quote(text: str) -> bool:
    """Whether the last character is an opening quotation mark, in any language's pairs.

    A mark that closes another pair (German „Ja“, »Ja«) closes where that one is open in the same line. Of marks whose
    two sides look alike, the one after a space, a bracket, a dash or nothing opens.
    """
    line = text.rpartition("\n")[2]
    mark, before = line[-1:], line[:-1]
    if not mark or mark not in _OPEN + "".join(_CLOSES):
        return False
    if mark in _OPEN:
        return True
    if sum(map(before.count, _CLOSES[mark])) > before.count(mark):
        return False
    return mark in _MOSTLY_OPEN or not before or before[-1].isspace() or before[-1] in _BEFORE_WORDS
