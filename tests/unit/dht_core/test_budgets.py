from __future__ import annotations

import pytest

from services.dht_node.core.budgets import Budgets


def test_costs_of_different_sizes_share_one_budget() -> None:
    budgets: Budgets[str] = Budgets(100.0, 1000.0, 10)
    assert budgets.spend("a", 0.0, 900)
    assert not budgets.spend("a", 0.0, 200)
    assert budgets.spend("a", 0.0, 100)
    assert not budgets.spend("a", 0.5, 100)
    assert budgets.spend("a", 1.0, 100)
    assert budgets.spend("b", 0.0, 1000)


def test_one_who_asks_for_more_than_the_burst_is_never_served() -> None:
    assert not Budgets[str](100.0, 1000.0, 10).spend("a", 0.0, 1001)


def test_short_is_less_than_half_of_the_burst() -> None:
    budgets: Budgets[str] = Budgets(100.0, 1000.0, 10)
    assert not budgets.is_short("a", 0.0)
    budgets.spend("a", 0.0, 500)
    assert not budgets.is_short("a", 0.0)
    budgets.spend("a", 0.0, 10)
    assert budgets.is_short("a", 0.0)
    assert not budgets.is_short("a", 0.2)


def test_what_is_left_is_a_share_of_the_burst() -> None:
    budgets: Budgets[str] = Budgets(100.0, 1000.0, 10)
    assert budgets.left("a", 0.0) == 1.0
    budgets.spend("a", 0.0, 250)
    assert budgets.left("a", 0.0) == pytest.approx(0.75, abs=0.001)
    budgets.spend("a", 0.0, 750)
    assert budgets.left("a", 0.0) == pytest.approx(0.0, abs=0.001)
    assert budgets.left("a", 5.0) == pytest.approx(0.5, abs=0.001)
    assert budgets.left("a", 99.0) == 1.0
    assert Budgets[str](0.0, 0.0, 10).left("a", 0.0) == 1.0


def test_a_rate_of_0_is_no_limit() -> None:
    budgets: Budgets[str] = Budgets(0.0, 0.0, 10)
    assert all(budgets.spend("a", 0.0, 1e9) for _ in range(10))
    assert not budgets.is_short("a", 0.0)
    assert budgets.tracked() == 0
