"""What of a filter each source is asked, and what is applied here (DESIGN.md 4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from providers.apis.tether.fake.rows import USERS
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Value
from resolvers.model.errors import BadUserInput
from resolvers.planning.plan import SourcePlan, plan
from tests.support.world import World

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USER_IDS = [user["_id"] for user in USERS]
A_SECOND = timedelta(seconds=1)
WORLD = World({"tether": [], "askelephant": [], "wacr": [], "autokonnect": []})


def c(field: str, operator: str, value: Value) -> Condition:
    return Condition(field, Operator(operator), value)


def planned(source: str, filter: Filter | None, search: str | None = None) -> SourcePlan:
    return plan(WORLD.sources[source], filter=filter, search=search, orders=(), parts=frozenset())


def pushed(source: str, filter: Filter, search: str | None = None) -> list[Condition]:
    return list(planned(source, filter, search).query.conditions)


NAMED_ANA = c("firstName", "eq", "Ana")
FROM_NOON = c("createdAt", "gte", NOON)
TO_ONE = c("createdAt", "lt", NOON + timedelta(hours=1))
STAGE = c("stage", "eq", STAGE_ID := "64f0a1b2c3d4e5f6a7b8c9d2")


def test_without_a_filter_everything_is_asked_and_nothing_is_left() -> None:
    for source in WORLD.sources:
        made = planned(source, None)
        assert (made.query.conditions, made.residual, made.left, made.never) == ((), None, (), False)


def test_and_splits_into_what_is_pushed_and_what_is_applied_here() -> None:
    made = planned("wacr", And((NAMED_ANA, And((FROM_NOON, TO_ONE)))))
    assert made.query.conditions == (FROM_NOON, TO_ONE)
    assert made.left == (NAMED_ANA,)
    assert made.residual is not None


def test_what_is_pushed_exactly_leaves_nothing_to_apply() -> None:
    assert planned("wacr", FROM_NOON).residual is None
    assert planned("askelephant", c("updatedAt", "lte", NOON)).residual is None


def test_a_superset_is_pushed_and_applied_again() -> None:
    made = planned("tether", FROM_NOON)
    assert made.query.conditions == (c("createdAt", "gte", NOON - A_SECOND),)
    assert made.left == (FROM_NOON,)


def test_a_condition_given_twice_is_pushed_once() -> None:
    assert pushed("wacr", And((FROM_NOON, And((FROM_NOON,))))) == [FROM_NOON]
    assert planned("wacr", And((NAMED_ANA, NAMED_ANA))).left == (NAMED_ANA,)


def test_a_second_value_of_one_parameter_is_applied_here() -> None:
    made = planned("wacr", And((c("wacr.statusId", "eq", "1"), c("wacr.statusId", "eq", "2"))))
    assert made.query.conditions == (c("wacr.statusId", "eq", 1),)
    assert made.left == (c("wacr.statusId", "eq", 2),)


@pytest.mark.parametrize("always", [And(()), c("firstName", "notIn", ()), And((And(()), Not(Or(()))))])
def test_what_is_always_true_restricts_nothing(always: Filter) -> None:
    made = planned("wacr", And((always, FROM_NOON)))
    assert (made.query.conditions, made.residual, made.never) == ((FROM_NOON,), None, False)


@pytest.mark.parametrize("never", [Or(()), c("firstName", "in", ()), Not(And(())), c("wacr.statusId", "in", ())])
def test_what_is_never_true_is_not_asked(never: Filter) -> None:
    assert planned("wacr", And((never, FROM_NOON))).never


def test_or_with_what_is_always_true_restricts_nothing_and_what_is_never_true_drops_out() -> None:
    assert planned("wacr", Or((NAMED_ANA, And(())))).residual is None
    assert pushed("wacr", Or((FROM_NOON, Or(()), c("company", "in", ())))) == [FROM_NOON]


def test_or_of_equalities_becomes_the_list_that_a_source_takes() -> None:
    assert pushed("wacr", Or((c("assigneeId", "eq", "1"), Or((c("assigneeId", "in", ("2", "1")),))))) == [
        c("assigneeId", "in", ("1", "2"))
    ]


def test_any_other_or_is_applied_here() -> None:
    for either in (Or((FROM_NOON, NAMED_ANA)), Or((STAGE, c("stage", "eq", "x")))):
        made = planned("tether", either)
        assert (made.query.conditions, made.left) == ((), (either,))


def test_not_is_pushed_where_it_comes_down_to_conditions() -> None:
    assert pushed("wacr", Not(Not(FROM_NOON))) == [FROM_NOON]
    assert pushed("wacr", Not(c("assigneeId", "notIn", ("1", "2")))) == [c("assigneeId", "in", ("1", "2"))]
    assert pushed("wacr", Not(Or((c("assigneeId", "isNull", True), NAMED_ANA)))) == [c("assigneeId", "isNull", False)]
    assert pushed("wacr", Not(And((c("assigneeId", "ne", "1"), c("assigneeId", "ne", "2"))))) == [
        c("assigneeId", "in", ("1", "2"))
    ]


def test_the_negation_of_a_range_stays_here_because_it_holds_for_missing_dates() -> None:
    made = planned("wacr", Not(FROM_NOON))
    assert (made.query.conditions, made.left) == ((), (Not(FROM_NOON),))


def test_ne_is_not_pushed_on_a_field_that_may_be_null() -> None:
    assert pushed("wacr", c("assigneeId", "ne", "1")) == []
    assert pushed("wacr", c("wacr.assignedId", "notIn", ("1",))) == []
    assert pushed("wacr", c("wacr.statusId", "ne", "1")) == [c("wacr.statusId", "ne", 1)]


def test_a_list_of_one_is_that_one_where_the_source_takes_one() -> None:
    assert pushed("tether", c("stage", "in", (STAGE_ID,))) == [STAGE]
    assert pushed("wacr", c("wacr.groupId", "in", ("5",))) == [c("wacr.groupId", "eq", 5)]
    assert pushed("tether", c("stage", "in", (STAGE_ID, "x"))) == []


def test_a_list_of_one_stays_a_list_where_lists_are_taken_for_its_parameter_holds_more() -> None:
    listed, given = c("assigneeId", "in", ("1",)), c("assigneeId", "isNull", False)
    assert pushed("wacr", And((listed, given))) == [listed, given]


def test_a_stage_by_its_name_is_applied_here() -> None:
    assert pushed("tether", STAGE) == [STAGE]
    assert pushed("tether", c("stage", "eq", "New Lead")) == []


def test_a_word_as_a_number_is_met_by_nobody() -> None:
    assert planned("wacr", c("assigneeId", "eq", "x")).never
    assert planned("wacr", c("assigneeId", "in", ("x", "007"))).never


@pytest.mark.parametrize(
    ("filter", "whose"),
    [
        (c("wacr.statusId", "eq", "3"), "wacr"),
        (c("tether.source", "eq", "website"), "tether"),
        (c("askElephant.crmAssociations", "eq", (("1", "contact"),)), "askelephant"),
    ],
)
def test_a_providers_own_filter_leaves_the_others_alone(filter: Condition, whose: str) -> None:
    for source in WORLD.sources:
        made = planned(source, And((filter, NAMED_ANA)))
        assert [condition.field for condition in made.query.conditions] == ([filter.field] if source == whose else [])
        assert made.left == (NAMED_ANA,)
        assert not made.never


def test_what_no_contact_of_a_source_has_is_decided_without_asking() -> None:
    for operator, value in (("eq", "x"), ("in", ("x",)), ("contains", ""), ("startsWith", "x"), ("isNull", False)):
        assert planned("autokonnect", c("company", operator, value)).never, operator
        assert planned("autokonnect", Or((c("company", operator, value), NAMED_ANA))).left == (NAMED_ANA,)
    for condition in (
        c("company", "ne", "x"),
        c("company", "notIn", ("x",)),
        c("company", "isNull", True),
        c("company", "notIn", ()),
    ):
        assert planned("autokonnect", condition).residual is None, condition
        assert planned("autokonnect", Not(condition)).never, condition


def test_tether_turns_to_stage_buckets_for_what_only_post_takes() -> None:
    for filter in (
        c("tether.bulkOnly", "eq", True),
        c("tether.stages", "in", ("New Lead",)),
        c("tether.customFilters", "eq", (("city", '"Nairobi"'),)),
        c("tether.owner", "in", (USER_IDS[0], USER_IDS[1])),
        c("tether.assignee", "in", (USER_IDS[0], USER_IDS[1])),
    ):
        assert planned("tether", filter).buckets, filter
    assert planned("tether", None, "ana").buckets
    for filter in (
        c("tether.owner", "in", (USER_IDS[0],)),
        c("tether.messageStatus", "eq", "ANSWERED"),
        c("tether.bulkOnly", "eq", False),
    ):
        assert not planned("tether", filter).buckets, filter


def test_lead_source_beside_a_search_is_applied_to_the_record() -> None:
    wanted = c("tether.leadSource", "eq", "Referral")
    assert pushed("tether", wanted) == [wanted]
    made = planned("tether", wanted, "ana")
    assert (made.query.conditions, made.left) == ((), (wanted,))


@pytest.mark.parametrize(
    ("filter", "named"),
    [
        (And((c("tether.assignee", "in", ("a",)), c("tether.assignee", "in", ("b",)))), "tether.assignee"),
        (And((c("tether.ownerFilter", "eq", "MY"), c("tether.ownerFilterUserId", "eq", "u"))), "tether.ownerFilter"),
    ],
)
def test_what_can_be_answered_neither_there_nor_here_is_refused_by_name(filter: Filter, named: str) -> None:
    with pytest.raises(BadUserInput, match=named):
        planned("tether", filter)
    planned("wacr", filter)


@pytest.mark.parametrize(
    ("field", "part"), [("tag", "tags"), ("status", "status"), ("company", None), ("wacr.statusId", None)]
)
def test_what_a_residual_looks_at_is_fetched(field: str, part: str | None) -> None:
    made = planned("wacr", Or((c(field, "in", ("1", "2")), NAMED_ANA)))
    assert made.query.parts == (frozenset() if part is None else {part})


def test_what_is_pushed_needs_nothing_fetched() -> None:
    assert planned("wacr", c("wacr.groupId", "eq", "5")).query.parts == frozenset()
    assert planned("wacr", c("assigneeId", "eq", "5")).query.parts == frozenset()
