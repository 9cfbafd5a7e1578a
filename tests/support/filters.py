"""Filters to try: every common field with every operator, WA.cr's own, and trees of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from providers.capability_table import COMMON_FIELDS
from providers.spi.query import And, Condition, Filter, Not, Operator, Or, Value
from tests.support.filter_rows import COMPANIES, EMAILS, MOMENTS, NAMES, PHONES, STAGES, TAGS, USER_IDS, instant

_NAMES = [name for name in NAMES if name is not None] + ["an", "SS", "nobody"]
_OPERANDS: dict[str, list[str]] = {
    "firstName": _NAMES,
    "lastName": _NAMES,
    "displayName": [*_NAMES, "Ana Zoë", "ana  zoë", "A\u0301NA"],
    "email": [*(email for email in EMAILS if email is not None), "ZOË@example.org", "@example", "x"],
    "phone": [*PHONES, "712", "254 7", ""],
    "company": [*(company for company in COMPANIES if company is not None), "C\u030capek", "acme"],
    "status": ["New Lead", "new lead", "OLD NAME", "New", "In Progress", "", "x"],
    "stage": [STAGES[0]["_id"], STAGES[0]["_id"].upper(), STAGES[4]["_id"], "new lead", "Old", "Signed", "", "0" * 24],
    "tag": [*(text for tag in TAGS for text in tag), "CAFÉ", "1", "11", "newsletter", "4", ""],
    "ownerId": [*USER_IDS, USER_IDS[0].upper(), USER_IDS[1][:4], ""],
    "assigneeId": [*USER_IDS, "1", "2", "12", "01", "x", "", USER_IDS[1][:4]],
}
_INSTANTS = [instant(seconds) for seconds in (*MOMENTS, -1, 0.999, 2.5, 400_000)]

WACR_IDS = ["wacr.statusId", "wacr.sourceId", "wacr.assignedId", "wacr.groupId"]
_RANGE = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
# The operators of WacrTextFilter, WacrIdFilter and WacrDateTimeFilter (contract.graphql).
WACR_FIELDS: dict[str, tuple[Operator, ...]] = {
    "wacr.type": (
        Operator.EQ,
        Operator.NE,
        Operator.IN,
        Operator.NOT_IN,
        Operator.LIKE,
        *_RANGE,
        Operator.BETWEEN,
        Operator.IS_NULL,
    ),
    "wacr.createdAt": (
        Operator.EQ,
        Operator.NE,
        Operator.IN,
        Operator.NOT_IN,
        Operator.LIKE,
        *_RANGE,
        Operator.BETWEEN,
        Operator.IS_NULL,
    ),
    **dict.fromkeys(
        WACR_IDS,
        (
            Operator.EQ,
            Operator.NE,
            Operator.IN,
            Operator.NOT_IN,
            Operator.LIKE,
            *_RANGE,
            Operator.BETWEEN,
            Operator.IS_NULL,
        ),
    ),
}
_TYPES = ["lead", "LEAD", "customer", "guest", "ea", "other", ""]
_NUMBERS = ["1", "2", "3", "5", "11", "12", "99"]


def operands(field: str, operator: Operator) -> list[Value]:
    """Returns values to try with an operator on a field."""
    if operator is Operator.IS_NULL:
        return [True, False]
    single: list[Value]
    if field == "wacr.createdAt" and operator is Operator.LIKE:
        single = ["2026-01", "T00:00:0", "t00", "2026-01-01T00:00:00Z", "%", "_", ""]
    elif field in WACR_IDS and operator is Operator.LIKE:
        single = ["1", "2", "12", "01", "%", "_", "\\", "x", ""]
    elif field.endswith("createdAt") or field == "updatedAt":
        single = list(_INSTANTS)
    elif field == "wacr.type":
        single = list(_TYPES)
    elif field in WACR_IDS:
        # Only equality takes what is no number: it equals no id.
        single = [*_NUMBERS, "x", "007"] if operator not in (*_RANGE, Operator.BETWEEN) else list(_NUMBERS)
    else:
        single = list(_OPERANDS[field])
    if operator in (Operator.IN, Operator.NOT_IN):
        return [(), (single[0],), (single[0], single[0]), tuple(single[1:4]), tuple(single)]
    if operator is Operator.BETWEEN:
        return [(single[0], single[-1]), (single[1], single[1]), (single[1], single[3]), (single[3], single[1])]
    return single


def common_conditions() -> SearchStrategy[Filter]:
    """Returns single conditions on common fields."""
    pairs = [(field, operator) for field, operators in COMMON_FIELDS.items() for operator in operators]
    return st.sampled_from(pairs).flatmap(_condition)


def wacr_conditions() -> SearchStrategy[Filter]:
    """Returns single conditions of WacrFilter."""
    pairs = [(field, operator) for field, operators in WACR_FIELDS.items() for operator in operators]
    return st.sampled_from(pairs).flatmap(_condition)


def _condition(pair: tuple[str, Operator]) -> SearchStrategy[Filter]:
    return st.sampled_from(operands(*pair)).map(lambda value: Condition(*pair, value))


def trees() -> SearchStrategy[Filter]:
    """Returns nested filters of common fields, empty `and` and `or` among them."""

    def nested(inner: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
        several = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(several.map(And), several.map(Or), inner.map(Not))

    return st.recursive(common_conditions(), nested, max_leaves=6)


def filters() -> SearchStrategy[Filter]:
    """Returns what a client may send: a tree, and WA.cr's own conditions at the top or under `and`."""
    own = st.lists(wacr_conditions(), max_size=3).map(tuple)
    return st.builds(lambda tree, conditions: And((tree, And(conditions))), trees(), own)
