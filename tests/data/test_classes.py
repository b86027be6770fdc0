from __future__ import annotations

import pytest

from seqvae.data.classes import MOST, ClassNumbers
from seqvae.errors import DataError


def numbered(*labels: str | int | None) -> tuple[ClassNumbers, list[int]]:
    """The labels as they end up."""
    classes = ClassNumbers()
    now = [classes.number(label) for label in labels]
    return classes, now if classes.order is None else classes.order[now].tolist()


def test_names_are_numbered_in_their_alphabetical_order() -> None:
    classes, labels = numbered("pig", "cat", None, "pig", "owl", 3)
    assert classes.names == ("3", "cat", "owl", "pig")
    assert labels == [3, 1, -1, 3, 2, 0]


def test_names_that_come_in_order_need_no_second_look() -> None:
    classes, labels = numbered("cat", None, "owl")
    assert classes.order is None
    assert labels == [0, -1, 1]


def test_whole_numbers_that_leave_none_out_stand_for_themselves() -> None:
    classes, labels = numbered(2, None, 0, -1, 1, -7)
    assert classes.names == ("0", "1", "2")
    assert classes.order is None
    assert labels == [2, -1, 0, -1, 1, -1]


def test_whole_numbers_that_do_not_occur_are_no_classes() -> None:
    classes, labels = numbered(5, None, 10, 1, -1, 3, 5)
    assert classes.names == ("1", "3", "5", "10")
    assert labels == [2, -1, 3, 0, -1, 1, 2]


def test_a_name_among_whole_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="bad label 'many', expected a whole number, as the first one is"):
        numbered(1, "many")


@pytest.mark.parametrize("labels", [(), (None, None), (-1,), (0, MOST)])
def test_no_classes(labels: tuple[int | None, ...]) -> None:
    assert numbered(*labels)[0].names == ()
