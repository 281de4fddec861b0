"""The first token of a word after a prompt and by itself, on a toy tokenizer."""

from workbench.text.tokens.following import token_after, token_alone

VOCABULARY = {"ab": 0, "a": 1, "b": 2, " ": 3}


class Greedy:
    """Takes the longest piece of its vocabulary at each place."""

    def __call__(self, text, add_special_tokens=True):
        ids = []
        while text:
            piece = next(piece for piece in VOCABULARY if text.startswith(piece))
            ids.append(VOCABULARY[piece])
            text = text[len(piece) :]
        return {"input_ids": ids}

    def decode(self, ids):
        return "".join(piece for piece, number in VOCABULARY.items() if number in ids)


def together(prompt, word):
    tokenizer = Greedy()
    return token_after(tokenizer(prompt)["input_ids"], tokenizer(prompt + word)["input_ids"])


def test_the_token_after_a_prompt_is_read_from_both_together():
    assert together("a", "a") == VOCABULARY["a"]
    assert together("b", " a") == VOCABULARY[" "]


def test_a_word_that_changes_the_prompts_tokens_has_none_after_it():
    assert together("a", "b") is None
    assert together("a", "") is None


def test_a_token_that_is_only_a_space_is_passed_over():
    assert token_alone(Greedy(), " ab") == VOCABULARY["ab"]
    assert token_alone(Greedy(), "  ") is None
