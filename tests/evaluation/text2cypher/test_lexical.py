"""Scores of texts, against plain loops that share nothing with them."""

import random

import pytest

from workbench.evaluation.text2cypher.lexical import comparable, exact, gleu, gleu_counts, query_of, rouge_l


def test_values_by_hand():
    assert gleu("a b", "a b c") == 0.5
    assert rouge_l("a b", "a b c") == pytest.approx(0.8)
    assert gleu("a", "a") == rouge_l("a", "a") == 1
    assert gleu("a", "b") == rouge_l("a", "b") == 0
    assert gleu("", "") == gleu("", "a") == rouge_l("", "a") == rouge_l("", "") == 0


def test_tokens_are_words_and_single_symbols():
    assert gleu_counts("(p:Person)", "( p : Person )") == (14, 14)  # 5 + 4 + 3 + 2 n-grams
    assert gleu_counts("p->q", "p- >q") == (10, 10)


def loop_gleu(query, gold):
    """Google-BLEU of lists of words as nltk's definition has it: the smaller of precision and recall."""

    def grams(words):
        return [tuple(words[i : i + n]) for n in (1, 2, 3, 4) for i in range(len(words) - n + 1)]

    left, right = grams(query), grams(gold)
    matching, rest = 0, list(right)
    for gram in left:
        if gram in rest:
            rest.remove(gram)
            matching += 1
    return min(matching / len(left), matching / len(right))


def loop_rouge(query, gold):
    """F1 of the longest common subsequence, which is looked for among all subsequences of the shorter list."""

    def inside(part, words):
        rest = iter(words)
        return all(word in rest for word in part)

    best = max(
        (
            part
            for bits in range(2 ** len(query))
            if inside(part := [w for i, w in enumerate(query) if bits >> i & 1], gold)
        ),
        key=len,
    )
    if not best:
        return 0.0
    precision, recall = len(best) / len(query), len(best) / len(gold)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("seed", range(40))
def test_scores_equal_plain_loops(seed):
    rng = random.Random(seed)
    query, gold = ([rng.choice("abcd") for _ in range(rng.randint(1, 9))] for _ in range(2))
    assert gleu(" ".join(query), " ".join(gold)) == pytest.approx(loop_gleu(query, gold))
    assert rouge_l(" ".join(query), " ".join(gold)) == pytest.approx(loop_rouge(query, gold))


@pytest.mark.parametrize(
    "text",
    [
        "MATCH (p) RETURN p",
        " MATCH (p)\n  RETURN p ;\n",
        "```cypher\nMATCH (p)\nRETURN p\n```",
        "Here it is:\n```\nMATCH (p) RETURN p;\n```\nIt returns p.",
        "MATCH (p) RETURN p\n\nQuestion: another one",
        "```cypher\nMATCH (p) RETURN p",
    ],
)
def test_exact_ignores_fences_a_final_semicolon_and_spaces(text):
    assert comparable(query_of(text)) == "MATCH (p) RETURN p"
    assert exact(query_of(text), "MATCH  (p) RETURN p;")
    assert not exact(query_of(text), "match (p) RETURN p")


def test_a_right_query_is_not_cut_at_a_blank_line():
    assert not exact("MATCH (a)", "MATCH (a)\n\nRETURN a")
    assert exact("MATCH (a) RETURN a", "MATCH (a)\n\nRETURN a")


@pytest.mark.parametrize("quote", ["'", '"', "`"])
def test_spaces_inside_quotes_matter_and_stay(quote):
    two, single = (f"RETURN {quote}a{spaces}b{quote}" for spaces in ("  ", " "))
    assert query_of(two) == two
    assert not exact(two, single)
    assert exact(two.replace("RETURN ", "RETURN \n "), two)


def test_a_query_is_as_it_was_written():
    assert query_of("MATCH (p)\n  WHERE p.a  = 1\nRETURN p ;") == "MATCH (p)\n  WHERE p.a  = 1\nRETURN p"


def test_a_semicolon_inside_stays():
    assert query_of("RETURN 1; DROP TABLE x;") == "RETURN 1; DROP TABLE x"
    assert query_of("RETURN 1;;") == "RETURN 1;"
