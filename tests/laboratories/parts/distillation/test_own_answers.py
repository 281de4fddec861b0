"""Own answers against a greedy loop without a cache, a prompt at a time."""

import torch

from tests.laboratories.teaching import able
from workbench.laboratories.parts.data import question_of
from workbench.laboratories.parts.distillation.own_answers import own_answers
from workbench.text.tokens.following import token_ids


def test_the_same_as_a_plain_loop():
    made = able()
    prompts = [question_of(word, "en", "de") for word in made.words.en.head(8)]
    prompts += [question_of(word, "fr", "en") for word in made.words.fr.head(4)]  # never trained
    expected = []
    for prompt in prompts:
        ids = token_ids(made.tokenizer, prompt, special=True)
        start = len(ids)
        for _ in range(10):
            ids.append(int(made.base(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        text = made.tokenizer.decode(ids[start:], skip_special_tokens=True)
        expected.append(text.split('"')[0] if '"' in text else None)
    assert own_answers(made.base, made.tokenizer, prompts, most=10) == expected
    assert expected[0] == made.words.de.iloc[0]


def test_what_is_not_closed_is_no_answer():
    made = able()
    assert own_answers(made.base, made.tokenizer, [question_of("water", "en", "de")], most=2) == [None]
