"""The same wish in other people's words."""

import hashlib

from evals.golden import COMPANY_PHRASINGS, COMPANY_PHRASINGS_SHA256
from evals.golden_scenarios import golden_scenarios
from evals.phrasings import consistency, rephrased
from evals.workday import Outcome


def test_sixty_wishes_have_five_other_phrasings_each() -> None:
    assert hashlib.sha256(COMPANY_PHRASINGS.read_bytes()).hexdigest() == COMPANY_PHRASINGS_SHA256
    asked, originals = list(rephrased()), {golden.id: golden for golden in golden_scenarios()}
    texts = {(golden.id, golden.scenario.turns[0].user) for golden in asked}
    assert len(asked) == len(texts) == 300 and len({golden.id for golden in asked}) == 60
    assert all(golden.scenario.turns[0].user != originals[golden.id].scenario.turns[0].user for golden in asked)
    assert all(golden.scenario.turns[1:] == originals[golden.id].scenario.turns[1:] for golden in asked)


def test_a_wish_counts_where_all_its_phrasings_are_right() -> None:
    asked = list(rephrased())[:10]
    outcomes = [Outcome(end_state=at != 7, ending="finished", deeds=(), confidence=1.0) for at in range(10)]
    found = consistency(asked, outcomes)
    assert (found.wishes, found.all_right.rate, found.phrasings.rate) == (2, 0.5, 0.9)
