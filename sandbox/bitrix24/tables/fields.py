"""The fields of each kind of record: names, types and lengths, as ``*.fields`` returns them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import RestError, refuse

_CAPITAL = re.compile(r"(?=[A-Z])")
_ANYTHING = re.compile(r"(?s).*")
_DAY = r"\d{4}-\d\d-\d\d"
_PATTERNS = {
    "double": re.compile(r"-?\d+(\.\d+)?"),
    "money": re.compile(r"-?\d+(\.\d+)?\|[A-Z]{3}"),
    "date": re.compile(rf"{_DAY}(T[\d:.+-]+)?"),
    "datetime": re.compile(rf"{_DAY}(T[\d:.+-]+Z?)?"),
}
_INTEGERS = ("integer", "user", "crm_company")


@dataclass(frozen=True)
class Field:
    """One field; ``length`` 0 is unlimited text; a ``fixed`` field is set at creation only.

    ``upper`` is the older spelling of the name where rules do not give it; ``options`` are the
    values of a list: id and text.
    """

    name: str
    type: str = "string"
    length: int = 0
    read_only: bool = False
    required: bool = False
    multiple: bool = False
    fixed: bool = False
    upper: str = ""
    options: tuple[tuple[int, str], ...] = ()

    def describe(self) -> dict[str, Any]:
        """Returns the field's description in ``*.fields``."""
        description: dict[str, Any] = {
            "type": self.type,
            "isRequired": self.required,
            "isReadOnly": self.read_only,
            "isImmutable": self.fixed,
            "isMultiple": self.multiple,
            "isDynamic": self.name.startswith("uf"),
            "title": self.name,
        }
        if self.type == "enumeration":
            items = [{"ID": str(option_id), "VALUE": text} for option_id, text in self.options]
            description["items"] = items
        return description

    def cast(self, value: Any) -> Any:
        """Converts a value to a stored one; raises 400 when it does not fit."""
        if self.multiple:
            return self._cast_many(value)
        return None if php.is_empty(value) else self._cast_single(value)

    def _cast_single(self, value: Any) -> Any:
        if self.type in _INTEGERS:
            return php.to_int(value)
        if self.type == "boolean":
            return "Y" if value in (True, "Y", "y", "true", "1") else "N"
        if self.type == "enumeration":
            return self._option(value)
        text = php.to_str(value)
        if not _PATTERNS.get(self.type, _ANYTHING).fullmatch(text):
            refuse(f'Значение поля "{self.name}" не подходит к типу {self.type}.')
        return self.fit(text)

    def _option(self, value: Any) -> int:
        option_id = php.to_int(value)
        if option_id not in {known_id for known_id, _ in self.options}:
            refuse(f'В списке поля "{self.name}" нет значения {option_id}.')
        return option_id

    def _cast_many(self, value: Any) -> list[Any]:
        if not isinstance(value, list | dict) and not php.is_empty(value):
            kind = type(value).__name__
            refuse(f"Expected iterable value for multiple field, but got {kind} instead", "100")
        return [self._cast_single(element) for element in php.values(value)]

    def show(self, value: Any) -> Any:
        """Returns a stored value as the REST interface shows it."""
        if isinstance(value, list):
            return [self.show(element) for element in value]
        if value is None or not self.name.startswith("uf"):
            return value
        if self.type == "double":
            return float(value)
        return f"{value[:10]}T03:00:00+03:00" if self.type == "date" else value

    def fit(self, text: str) -> str:
        """Returns the text; raises 400 when it is longer than the database's column."""
        if self.length and len(text) > self.length:
            refuse(
                f'Значение поля "{self.name}" длиннее {self.length} символов.',
                "CRM_FIELD_ERROR_VALUE_NOT_VALID" if self.name[0].islower() else "",
            )
        return text


def _index(fields: Iterable[Field]) -> dict[str, Field]:
    return {field.name: field for field in fields}


_ITEM = (
    Field("id", "integer", read_only=True),
    Field("createdTime", "datetime", read_only=True),
    Field("updatedTime", "datetime", read_only=True),
    Field("createdBy", "user", read_only=True),
    Field("updatedBy", "user", read_only=True),
    Field("assignedById", "user"),
    Field("opened", "boolean"),
    Field("comments"),
    Field("typeId", "crm_status", 50),
    Field("sourceId", "crm_status", 50),
    Field("sourceDescription"),
    Field("originatorId", length=255),
    Field("originId", length=255),
    Field("originVersion", length=255),
    Field("fm", "crm_multifield", multiple=True),
)
_COMPANY = (
    Field("title", length=255, required=True),
    Field("industry", "crm_status", 50),
    Field("employees", "crm_status", 50),
    Field("isMyCompany", "boolean"),
)
_CONTACT = (
    Field("name", length=50),
    Field("secondName", length=50),
    Field("lastName", length=50),
    Field("post", length=255),
    Field("honorific", "crm_status", 128),
    Field("companyId", "crm_company"),
    Field("companyIds", "crm_company", multiple=True),
)


def item_fields(kind: str, custom: Iterable[str]) -> dict[str, Field]:
    """Returns the fields of ``companies`` or ``contacts``, with ``custom`` text fields."""
    kind_fields = _COMPANY if kind == "companies" else _CONTACT
    return _index((*_ITEM, *kind_fields, *(Field(name) for name in custom)))


def upper_name(name: str) -> str:
    """Converts ``originatorId`` to ``ORIGINATOR_ID``."""
    return _CAPITAL.sub("_", name).upper()


def item_name(upper: str) -> str:
    """Converts the name of a custom field: ``UF_CRM_SVOD_TOTAL`` to ``ufCrmSvodTotal``.

    >>> [item_name(f"UF_CRM_{name}") for name in ("SVOD_TOTAL", "1731000001", "A1", "2_163")]
    ['ufCrmSvodTotal', 'ufCrm_1731000001', 'ufCrm_A1', 'ufCrm2_163']
    """
    number, separator, code = (rest := upper.removeprefix("UF_CRM_")).partition("_")
    if separator and number.isdigit():
        return f"ufCrm{number}_{code}"
    words = rest.split("_")
    return "ufCrm" + "".join(w.title() if w.isalpha() else f"_{w}" for w in words)


_PARENT = (
    Field("ENTITY_TYPE_ID", "integer", required=True, fixed=True),
    Field("ENTITY_ID", "integer", required=True, fixed=True),
)
_LEGACY = (
    Field("ID", "integer", read_only=True),
    Field("DATE_CREATE", "datetime", read_only=True),
    Field("DATE_MODIFY", "datetime", read_only=True),
    Field("NAME", length=255, required=True),
    Field("CODE", length=45),
    Field("XML_ID", length=45),
    Field("ACTIVE", "char", 1),
    Field("SORT", "integer"),
)
REQUISITE = _index(
    (
        *_LEGACY,
        *_PARENT,
        Field("PRESET_ID", "integer", required=True, fixed=True),
        Field("ORIGINATOR_ID", length=255),
        Field("ADDRESS_ONLY", "char", 1),
        Field("RQ_NAME", length=150),
        Field("RQ_FIRST_NAME", length=50),
        Field("RQ_LAST_NAME", length=50),
        Field("RQ_SECOND_NAME", length=50),
        Field("RQ_COMPANY_NAME", length=255),
        Field("RQ_COMPANY_FULL_NAME", length=300),
        Field("RQ_COMPANY_REG_DATE", length=30),
        Field("RQ_DIRECTOR", length=150),
        Field("RQ_ACCOUNTANT", length=150),
        Field("RQ_CONTACT", length=150),
        Field("RQ_EMAIL", length=255),
        Field("RQ_PHONE", length=30),
        Field("RQ_INN", length=15),
        Field("RQ_KPP", length=9),
        Field("RQ_OGRN", length=13),
        Field("RQ_OGRNIP", length=15),
        Field("RQ_OKPO", length=12),
        Field("RQ_OKTMO", length=11),
        Field("RQ_OKVED", length=255),
    )
)
BANK_DETAIL = _index(
    (
        *_LEGACY,
        *_PARENT,
        Field("COUNTRY_ID", "integer"),
        Field("RQ_BANK_NAME", length=255),
        Field("RQ_BANK_ADDR", length=255),
        Field("RQ_BIK", length=11),
        Field("RQ_ACC_NUM", length=34),
        Field("RQ_ACC_NAME", length=150),
        Field("RQ_COR_ACC_NUM", length=34),
        Field("RQ_ACC_CURRENCY", length=100),
        Field("COMMENTS", length=500),
        Field("ORIGINATOR_ID", length=255),
    )
)
ADDRESS = _index(
    (
        Field("TYPE_ID", "integer", required=True, fixed=True),
        *_PARENT,
        Field("ADDRESS_1", length=255),
        Field("ADDRESS_2", length=255),
        Field("CITY", length=128),
        Field("POSTAL_CODE", length=16),
        Field("REGION", length=128),
        Field("PROVINCE", length=128),
        Field("COUNTRY", length=128),
        Field("COUNTRY_CODE", length=100),
        Field("ANCHOR_TYPE_ID", "integer", read_only=True),
        Field("ANCHOR_ID", "integer", read_only=True),
    )
)


def require(params: dict[str, Any], name: str) -> Any:
    """Returns a method's parameter; raises 400 when it is missing, as with broken JSON."""
    if name not in params:
        raise RestError(400, "100", f"Could not find value for parameter {{{name}}}")
    return params[name]
