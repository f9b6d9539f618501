"""The portal's users: ``user.get``, ``user.current``, ``profile``."""

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row

PAGE = 50
_WEBHOOK_USER: Row = {"ID": "1", "ADMIN": True, "NAME": "Вебхук", "LAST_NAME": "Песочницы"}


def current_user(_: Row) -> Answer:
    """Returns the user to whom the webhook belongs."""
    return Answer(_WEBHOOK_USER)


def list_users(state: State, params: Row) -> Answer:
    """Returns a page of users; ``ID`` and ``ACTIVE`` select them, alone or in ``FILTER``."""
    by_name = {name.upper().lstrip("=@"): value for name, value in php.items(params)}
    conditions = by_name | {
        name.upper().lstrip("=@"): value for name, value in php.items(by_name.get("FILTER"))
    }
    ids = conditions.get("ID")
    wanted_ids = {
        php.to_int(i) for i in (php.values(ids) if isinstance(ids, list | dict) else [ids])
    }
    rows = [
        {"ID": str(user_id), "ACTIVE": is_active, "NAME": "Сотрудник", "LAST_NAME": str(user_id)}
        for user_id, is_active in sorted(state.users.items())
        if ids is None or user_id in wanted_ids
    ]
    start = php.to_int(params.get("start"))
    following = start + PAGE
    return Answer(rows[start:following], len(rows), following if len(rows) > following else None)
