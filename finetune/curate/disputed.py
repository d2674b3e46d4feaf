"""Labels that contradict what is done otherwise after like words: noise, and what one person confuses.

A light model, a sentence encoder and a linear classifier, learns from some conversations what a step starts with and judges
the others; what one person does is judged by a model that learned from other people only. A label is disputed where the model
gives it almost no chance, as in Northcutt, Jiang, Chuang 2021, "Confident Learning". But a model also finds unlikely what is only
rare, and in clean rows nearly all that it disputes is right: so nothing is dropped unless far more labels are that unlikely than
the model itself expects, which bounds the share of right ones among them (Benjamini and Hochberg 1995). A person's confusion is
dropped where they make it far more often than the model expects of anybody.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson
from sklearn.feature_extraction.text import HashingVectorizer

from agents.linear import LinearClassifier
from agents.picker import TextEmbedder, state_words
from core.types.example import Example
from core.types.message import last_user_text
from finetune.curate.cut import cut_before
from finetune.curate.filtered import Filtered
from finetune.fit import picker_row
from finetune.split import folds

FEWEST_STEPS = 200
"""Steps from which on a light model can tell anything."""
UNLIKELY = (0.1, 0.05, 0.02, 0.01, 0.005)
"""Chances below which a label may be disputed; the first that passes is taken."""
EXCESS = 1.5
"""So many times as many labels must be that unlikely as are expected to be."""
_FIRST_LOOK = 0.2
_FEWEST = 5
_CONFUSED, _SURELY = 3.0, 1e-4
"""How many times as often as expected a person confuses two things, and how unlikely that may be by chance."""
_FOLDS, _STATES = 5, 512
_EMBEDDING_WEIGHT, _STATE_WEIGHT, _STRENGTH = 3.0, 1.5, 0.5


class Dispute(NamedTuple):
    """A step whose label is not believed."""

    position: int
    """Of the step; the first one of a conversation."""
    reason: str
    """In words."""


def undisputed(examples: Sequence[Example], disputes: Mapping[str, Dispute] | None) -> Filtered:
    """Examples without disputed steps and what followed from them.

    Args:
        examples: All of them.
        disputes: By trace id; None where there were too few steps to tell.
    """
    if disputes is None:
        return Filtered(list(examples), {}, f"fewer than {FEWEST_STEPS} steps, or all of them alike")
    positions = {identity: position for identity, (position, _) in disputes.items()}
    return cut_before(examples, positions, {identity: reason for identity, (_, reason) in disputes.items()})


def disputes(
    examples: Sequence[Example], people: Mapping[str, str], sure: Mapping[str, object], embedder: TextEmbedder, seed: int
) -> dict[str, Dispute] | None:
    """The disputed steps, by trace id; None where nothing can be told.

    Args:
        examples: All of them, with clusters or without.
        people: By trace id who did it; what nobody did here is not there.
        sure: Trace ids of what is not disputed: a person put it right.
        embedder: The sentence encoder.
        seed: Of the folds.
    """
    rows = [
        _Row(example.trace_id, step.position, picker_row(example, step).calls[0].name)
        for example in examples
        for step in example.steps
    ]
    heads = sorted({row.head for row in rows})
    if len(rows) < FEWEST_STEPS or len(heads) < 2:
        return None
    given = np.asarray([heads.index(row.head) for row in rows])
    chances = _cross_read(_features(examples, embedder), given, _folds(examples, people, seed), len(heads))
    wrong = {at: f"{heads[given[at]]}: after like words it is done otherwise" for at in _too_unlikely(chances, given)}
    wrong |= _confusions(chances, given, [people.get(row.trace_id) for row in rows], heads)
    found: dict[str, Dispute] = {}
    for at in sorted(wrong, key=lambda at: rows[at].position):
        if rows[at].trace_id not in sure:
            found.setdefault(rows[at].trace_id, Dispute(position=rows[at].position, reason=wrong[at]))
    return found


class _Row(NamedTuple):
    trace_id: str
    position: int
    head: str


def _features(examples: Sequence[Example], embedder: TextEmbedder) -> NDArray[np.float32]:
    """(steps, width + states): what was said last, and where the conversation stands."""
    conversations = [example.messages[: step.position] for example in examples for step in example.steps]
    states = HashingVectorizer(analyzer=str.split, n_features=_STATES, norm=None, alternate_sign=False, binary=True)
    standing = states.transform([state_words(messages) if messages else "" for messages in conversations]).toarray()
    said = embedder.embed([last_user_text(messages) for messages in conversations])
    return np.concatenate([said * _EMBEDDING_WEIGHT, standing.astype(np.float32) * _STATE_WEIGHT], axis=1)


def _folds(examples: Sequence[Example], people: Mapping[str, str], seed: int) -> NDArray[np.int64]:
    """(steps,): which part each belongs to; a person is in one part only, and so is a cluster of what nobody did here."""
    owned = [example.model_copy(update={"cluster": people.get(example.trace_id, example.cluster)}) for example in examples]
    number = {example.trace_id: part for part, own in enumerate(folds(owned, _FOLDS, seed)) for example in own}
    return np.asarray([number[example.trace_id] for example in examples for _ in example.steps])


def _cross_read(
    features: NDArray[np.float32], given: NDArray[np.int64], parts: NDArray[np.int64], heads: int
) -> NDArray[np.float64]:
    """(steps, heads): chances by a model of the other parts; made twice, the second time without what was first found odd."""
    believed = np.ones(len(given), bool)
    chances = np.zeros((len(given), heads))
    for _ in range(2):
        chances = np.zeros((len(given), heads))
        for part in np.unique(parts):
            own = np.flatnonzero(parts == part)
            others = np.flatnonzero((parts != part) & believed)
            if not len(others):  # one person did everything: nobody else can judge it
                chances[own, given[own]] = 1.0
                continue
            model = LinearClassifier.fit(features[others], [str(label) for label in given[others]], _STRENGTH)
            chances[np.ix_(own, np.asarray(model.labels, int))] = model.probabilities(features[own])
            unknown = own[~np.isin(given[own], given[others])]  # only this part has it: nobody can say that it is wrong
            chances[unknown] = np.eye(heads)[given[unknown]]
        believed = ~_odd(chances, given, _FIRST_LOOK)
    return chances


def _odd(chances: NDArray[np.float64], given: NDArray[np.int64], unlikely: float) -> NDArray[np.bool_]:
    own = chances[np.arange(len(given)), given]
    return np.asarray((own < unlikely) & (chances.argmax(axis=1) != given))


def _too_unlikely(chances: NDArray[np.float64], given: NDArray[np.int64]) -> list[int]:
    """Steps with a label that has too little of a chance, as far as more of them have than would by chance."""
    for unlikely in UNLIKELY:
        odd = _odd(chances, given, unlikely)
        expected = float(chances[chances < unlikely].sum())
        if odd.sum() >= max(_FEWEST, EXCESS * expected):
            return [int(at) for at in np.flatnonzero(odd)]
    return []


def _confusions(
    chances: NDArray[np.float64], given: NDArray[np.int64], people: Sequence[str | None], heads: Sequence[str]
) -> dict[int, str]:
    """Steps of people who do one thing where others do another, with the reason."""
    likeliest = chances.argmax(axis=1)
    owned: dict[str, list[int]] = defaultdict(list)
    for at, person in enumerate(people):
        if person is not None:
            owned[person].append(at)
    wrong: dict[int, str] = {}
    for own in (np.asarray(rows) for rows in owned.values()):
        pairs = {(int(done), int(meant)) for done, meant in zip(given[own], likeliest[own], strict=True) if done != meant}
        for done, meant in sorted(pairs):
            asked = own[likeliest[own] == meant]
            confused = asked[given[asked] == done]
            expected = float(chances[asked, done].sum())
            by_chance = poisson.sf(len(confused) - 1, expected)
            if len(confused) >= max(_FEWEST, _CONFUSED * expected) and by_chance < _SURELY:
                wrong |= {int(at): f"one person calls {heads[done]} where others call {heads[meant]}" for at in confused}
    return wrong
