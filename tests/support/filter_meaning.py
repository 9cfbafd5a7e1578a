"""What a filter means, a second time: from the sentences of DESIGN.md 4 alone, as plainly as they can be written.

Nothing here knows how the gateway does it; a contact's texts, ids and instants are taken from its record, the fields of
WacrFilter from its row as WA.cr wrote it.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

import msgspec

from providers.spi.query import And, Condition, Filter, Not, Or
from providers.spi.record import ContactRecord
from tests.support.filter_rows import PHONES


def holds(filter: Filter, record: ContactRecord) -> bool:
    """Returns whether a contact is one of those that the filter asks for."""
    match filter:
        case And(items=items):
            return all(holds(item, record) for item in items)
        case Or(items=items):
            return any(holds(item, record) for item in items)
        case Not(item=item):
            return not holds(item, record)
        case Condition():
            return _condition_holds(filter, record)


def _condition_holds(condition: Condition, record: ContactRecord) -> bool:
    field, operator, operand = condition.field, str(condition.operator), condition.value
    owner, own, _ = field.partition(".")
    if own and owner != {"wacr": "wacr"}.get(record.source.provider):
        return True  # a provider's own filter leaves the others alone
    if operator == "isNull":
        return (_everything(field, record) == []) == operand
    if operator == "ne":
        return not _any(field, "eq", operand, record)
    if operator == "notIn":
        return not any(_any(field, "eq", each, record) for each in _list(operand))
    if operator == "in":
        return any(_any(field, "eq", each, record) for each in _list(operand))
    if operator == "between":
        low, high = _list(operand)
        return any(
            _compares("gte", _comparable(value), _comparable(low))
            and _compares("lte", _comparable(value), _comparable(high))
            for value in _everything(field, record)
        )
    return _any(field, operator, operand, record)


def _list(operand: Any) -> list[Any]:
    return list(operand)


def _any(field: str, operator: str, operand: Any, record: ContactRecord) -> bool:
    """Whether any of the contact's values of the field compares so."""
    if field in ("stage", "tag"):
        ids, names = _ids_and_names(field, record)
        exactly = any(_compares(operator, value, operand) for value in ids)
        return exactly or any(_compares(operator, _folded(value), _folded(operand)) for value in names)
    values = _everything(field, record)
    if field == "phone" and operator == "eq":
        return any(_number(value) == _number(operand) for value in values)
    if field in ("ownerId", "assigneeId"):
        return any(_compares(operator, value, operand) for value in values)
    return any(_compares(operator, _comparable(value), _comparable(operand)) for value in values)


def _everything(field: str, record: ContactRecord) -> list[Any]:
    if field in ("stage", "tag"):
        ids, names = _ids_and_names(field, record)
        return ids + names
    if field.startswith("wacr."):
        return _of_row(field, record)
    values: dict[str, list[Any]] = {
        "firstName": [record.first_name],
        "lastName": [record.last_name],
        "displayName": [record.display_name],
        "email": list(record.emails),
        "phone": list(record.phones),
        "company": [record.company],
        "status": [record.status],
        "ownerId": [record.owner_ref and record.owner_ref.native_id],
        "assigneeId": [user.native_id for user in record.assignee_refs],
        "createdAt": [record.created_at],
        "updatedAt": [record.updated_at],
    }
    return [value for value in values[field] if value is not None]


def _ids_and_names(field: str, record: ContactRecord) -> tuple[list[str], list[str]]:
    if field == "tag":
        return [tag.native_id for tag in record.tags], [tag.name for tag in record.tags]
    stage = record.stage_ref
    if stage is None:
        return [], []
    return [stage.native_id] if stage.native_id else [], [stage.name] if stage.name else []


def _of_row(field: str, record: ContactRecord) -> list[Any]:
    row = msgspec.json.decode(record.raws.row(record.index))
    name = {"assignedId": "assigned_id", "statusId": "status_id", "sourceId": "source_id", "groupId": "group_id"}
    own = field.removeprefix("wacr.")
    if own == "createdAt":
        return [datetime.fromisoformat(row["created_at"]).astimezone(UTC)] if row["created_at"] else []
    value = row.get(name.get(own, own))
    return [] if value is None else value if isinstance(value, list) else [value]


def _comparable(value: Any) -> Any:
    """Text after NFC and case folding; WA.cr's ids are numbers however an operand writes them."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and str(int(value)) == value else _folded(value)
    return value


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _number(text: str) -> str:
    return PHONES.get(text) or _folded(text)


def _compares(operator: str, value: Any, operand: Any) -> bool:
    if operator == "eq":
        return bool(value == operand)
    if operator in ("contains", "like"):
        if isinstance(value, datetime):
            value = _folded(value.strftime("%Y-%m-%dT%H:%M:%S") + (f".{value:%f}" if value.microsecond else "") + "Z")
        return str(operand) in str(value)
    if operator == "startsWith":
        return str(value).startswith(str(operand))
    if not (isinstance(value, str) and isinstance(operand, str)):
        value, operand = (int(each) if isinstance(each, str) else each for each in (value, operand))
    return bool(
        {
            "gt": lambda: value > operand,
            "gte": lambda: value >= operand,
            "lt": lambda: value < operand,
            "lte": lambda: value <= operand,
        }[operator]()
    )
