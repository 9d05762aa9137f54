"""Effects add up, are nothing for what does not matter, and are the weights of a sum."""

from __future__ import annotations

import pytest

from velox.ml.explaining import EXACT, effects_of, questions


@pytest.mark.parametrize("count", [1, 3, EXACT, EXACT + 1, 30])
def test_of_a_sum_each_effect_is_the_features_own_part(count: int) -> None:
    row, typical = [float(place) for place in range(count)], [1.0] * count
    answers = [sum(question) for question in questions(row, typical)]
    assert effects_of(answers, count) == pytest.approx([place - 1.0 for place in range(count)])


@pytest.mark.parametrize("count", [4, EXACT + 2])
def test_effects_add_up_and_are_shared_by_features_that_need_each_other(count: int) -> None:
    def answer(row: list[float]) -> float:
        return row[0] * row[1]

    row, typical = [2.0, 3.0, *[5.0] * (count - 2)], [0.0] * count
    effects = effects_of([answer(question) for question in questions(row, typical)], count)
    assert sum(effects) == pytest.approx(6.0)
    assert effects[:2] == pytest.approx([3.0, 3.0])
    assert effects[2:] == pytest.approx([0.0] * (count - 2))
