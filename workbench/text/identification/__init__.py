"""Language identification: trigrams of a corpus, lingua, fastText, and how their answers are matched."""
