"""Chat: apply a tokenizer's chat template to texts, and identify the text's own tokens.

The position of a text is determined by the template itself: it is rendered once with a marker in place of the text, and
each text must give the same result at that place, stripped or not. So repeated texts, system turns and words shared
with the text do not matter. Boundaries are in characters, counts in tokens.
"""

import datetime
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from workbench.errors import BadArgument, BadCorpus, BadPairs, UnsupportedSite, WorkbenchError
from workbench.text.tokens.around import around
from workbench.text.tokens.spans import characters, within

_MARK = "\ue000\ue001text\ue001\ue000"  # private use area: in no template
_DATE = datetime.date(2024, 7, 26)  # given to templates that write today's date, for reproducible runs
_NOW = re.compile(r"""strftime_now\(\s*(["'])(.*?)\1\s*\)""")
_STRIPPED = (
    str,
    str.strip,
    str.rstrip,
    str.lstrip,
    lambda text: text.strip("\n"),
    lambda text: text.rstrip("\n"),
    lambda text: text.lstrip("\n"),
)


@dataclass(frozen=True)
class Rendered:
    """Text rendered by a template; the characters [start, end) are the original text."""

    text: str
    start: int
    end: int


def adds_bos(tokenizer: Any) -> bool:
    """Whether the tokenizer adds BOS before a text."""
    bos = getattr(tokenizer, "bos_token_id", None)
    ids = tokenizer("a")["input_ids"]
    return bos is not None and len(ids) > 0 and ids[0] == bos


def template_hash(tokenizer: Any) -> str | None:
    """SHA-256 (hex) of the tokenizer's chat template; None if it has none."""
    template = _template(tokenizer)
    return None if template is None else hashlib.sha256(template.encode()).hexdigest()


class Chat:
    """A tokenizer with its chat template.

    Args:
        tokenizer: a fast transformers tokenizer with a chat template.

    Raises:
        BadArgument: the tokenizer has no chat template.
        UnsupportedSite: the tokenizer gives no character offsets.
    """

    def __init__(self, tokenizer: Any):
        template = _template(tokenizer)
        if template is None:
            raise BadArgument(
                "this tokenizer has no chat template; chat=False reads texts as they are, an instruction-tuned model's "
                "tokenizer has a template, or set tokenizer.chat_template"
            )
        if not getattr(tokenizer, "is_fast", False):
            raise UnsupportedSite("chat needs a tokenizer that gives character offsets; a fast tokenizer does")
        self.tokenizer = tokenizer
        self.front, _ = around(tokenizer)
        self._dated_template = _NOW.sub(lambda match: repr(_DATE.strftime(match[2])), template)
        self._parts: dict[str | None, list[str]] = {}

    def answer(self, text: str, user: str, where: str) -> Rendered:
        """Render a text as the assistant's answer to a user turn.

        Raises:
            BadArgument: the template rejects such a conversation.
            BadCorpus: the template changes the text by more than stripping it; `where` names the text.
        """
        return self._place(text, user, where, BadCorpus)

    def prompt(self, text: str, where: str) -> Rendered:
        """Render a text as the user turn, followed by the beginning of the assistant turn for the model to continue.

        Raises:
            BadArgument: the template rejects such a conversation.
            BadPairs: the template changes the text by more than stripping it; `where` names the text.
        """
        return self._place(text, None, where, BadPairs)

    def with_answer(self, prompt: str, word: str, where: str) -> str:
        """The rendered prompt and answer, up to the end of the answer."""
        begun = self.prompt(prompt, where).text
        whole = self._render(prompt, _MARK).partition(_MARK)[0]
        return (whole if whole.startswith(begun) else begun) + word

    def tokens(self, rendered: Rendered) -> tuple[list[int], list[tuple[int, int]], range]:
        """Token ids of a rendered text, the characters of each, and the range of the text's own tokens.

        Tokens that the tokenizer adds before every text (mostly BOS) appear once, whether the template writes them, the
        tokenizer adds them, or both. A token is the text's own if its last character is (the rule of
        `text.tokens.spans`). Characters that belong to no token go to the next token.
        """
        encoding = self.tokenizer(rendered.text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids = list(encoding["input_ids"])
        places = characters(self.tokenizer, ids, encoding["offset_mapping"])
        front, bos = list(self.front), self.tokenizer.bos_token_id
        for twice in ([bos], front):
            while twice and None not in twice and ids[: 2 * len(twice)] == twice * 2:
                ids, places = ids[len(twice) :], places[len(twice) :]
        missing = next(count for count in range(len(front) + 1) if ids[: len(front) - count] == front[count:])
        ids, places = front[:missing] + ids, [(0, 0)] * missing + places
        return ids, places, within(places, rendered.start, rendered.end)

    def own(self, text: str, user: str, where: str) -> tuple[str, list[tuple[int, int]]]:
        """A rendered answer, and the characters of each of its own tokens."""
        rendered = self.answer(text, user, where)
        _, places, own = self.tokens(rendered)
        begin = rendered.start
        return rendered.text[begin : rendered.end], [
            (max(0, start - begin), end - begin) for start, end in places[own.start : own.stop]
        ]

    def _place(self, text: str, user: str | None, where: str, error: type[WorkbenchError]) -> Rendered:
        """Render a text as an answer to a user turn, or as the user turn if `user` is None."""
        if user not in self._parts:
            marked = self._render(_MARK) if user is None else self._render(user, _MARK)
            self._parts[user] = marked.split(_MARK)
            if len(self._parts[user]) < 2:
                raise BadArgument(
                    "this tokenizer's chat template leaves texts out or rewrites them; chat=False reads them plainly"
                )
        parts = self._parts[user]
        written = self._render(text) if user is None else self._render(user, text)
        for strip in _STRIPPED:
            own = strip(text)
            if own and own.join(parts) == written:
                end = len(written) - len(parts[-1])  # the last occurrence, if there are several
                return Rendered(written, end - len(own), end)
        raise error(f"{where}: the chat template changes the text: {text[:40]!r}; chat=False reads it as it is")

    def _render(self, user: str, answer: str | None = None) -> str:
        turns = [{"role": "user", "content": user}]
        if answer is not None:
            turns.append({"role": "assistant", "content": answer})
        try:
            return self.tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=answer is None,
                chat_template=self._dated_template,
                enable_thinking=False,  # otherwise the model would not begin with the answer
            )
        except Exception as problem:  # a template is third-party code: it may raise anything
            raise BadArgument(f"this tokenizer's chat template rejects a user turn and an answer: {problem}") from None


def _template(tokenizer: Any) -> str | None:
    """The default template."""
    given = getattr(tokenizer, "chat_template", None)
    if isinstance(given, dict):
        given = given.get("default")
    return given or None
