"""Fusion: how much a passage says about a question, of its meaning, its best sentence, and the words they share.

Sums of scores, not of ranks: on questions asked in other words than the page's, how near is near says more than which is nearest.
"""

_PASSAGE, _SENTENCE, _WORDS = 1.0, 3.6, 0.4
"""Fitted on the 902 questions that come with the company (`tools/erp/company/questions.jsonl`), pages held out in turn."""
_ASKED, _UNLIKE = 1.0, 0.45
"""Worth of an earlier question that the passage answered, and the likeness from which on it counts."""
_SUPERSEDED = 0.9
"""Of the score, for a page that another one supersedes."""


def fused(passage: float, sentence: float, words: float, asked: float, superseded: bool) -> float:
    """A score, higher is better, at most 1.

    Args:
        passage: Cosine of question and passage, in [-1, 1].
        sentence: The same of its nearest sentence.
        words: BM25 as a share of the best passage's, in [0, 1].
        asked: Cosine of the question and the nearest earlier one that the passage answered; 0 where there is none.
        superseded: Whether another page holds instead; what it answered once is then no longer an answer.
    """
    earlier = 0.0 if superseded else _ASKED * max(0.0, asked - _UNLIKE)
    score = min(1.0, earlier + (_PASSAGE * passage + _SENTENCE * sentence + _WORDS * words) / (_PASSAGE + _SENTENCE + _WORDS))
    return score * _SUPERSEDED if superseded else score
