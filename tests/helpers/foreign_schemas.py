"""Tables of other programs, as their makers call them; the rows are invented.

``SCHEMAS`` holds for each program its tables, and where the fields of a store stand there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sandbox.world import check_digits
from transforms.proposal.samples import Column, Table

ROWS = 40
_LAST = ("Иванов", "Петров", "Сидоров", "Кузнецов", "Смирнов", "Орлова", "Волкова", "Зайцева")
_FIRST = ("Иван", "Пётр", "Сергей", "Андрей", "Дмитрий", "Ольга", "Елена", "Мария")
_MIDDLE = ("Иванович", "Петрович", "Сергеевич", "Андреевич", "Дмитриевич", "Олеговна", "Ильинична")
_CITIES = ("Москва", "Санкт-Петербург", "Казань", "Пермь")
_WORDS = ("Ромашка", "Север", "Альфа", "Вектор", "Гарант", "Луч", "Маяк")


def _pick(words: tuple[str, ...], number: int) -> str:
    return words[number % len(words)]


def _moment(number: int, days: int) -> str:
    return str(datetime(2023, 1, 1, 9) + timedelta(days=days, hours=number * 7))


MAKERS: dict[str, Callable[[int], Any]] = {
    "id": lambda number: number + 1,
    "uuid": lambda number: f"{number:08x}-4a5b-11ee-9c3d-0242ac120002",
    "code": lambda number: f"{number + 1:09}",
    "tin": lambda number: check_digits.tin(f"78{number + 10_000:07}"),
    "kpp": lambda number: f"780{number % 9 + 1}01001",
    "ogrn": lambda number: check_digits.ogrn(f"11978470{number:04}"),
    "company": lambda number: f'ООО "{_pick(_WORDS, number)}-{number}"',
    "full": lambda number: f"Общество с ограниченной ответственностью «{_pick(_WORDS, number)}»",
    "last": lambda number: _pick(_LAST, number),
    "first": lambda number: _pick(_FIRST, number // 2),
    "middle": lambda number: _pick(_MIDDLE, number // 3),
    "fio": lambda number: (
        f"{_pick(_LAST, number)} {_pick(_FIRST, number)} {_pick(_MIDDLE, number)}"
    ),
    "phone": lambda number: f"+7 921 {number + 100}-45-{number % 90 + 10}",
    "email": lambda number: f"post{number}@romashka{number}.example",
    "site": lambda number: f"www.romashka{number}.example",
    "address": lambda number: (
        f"19{number + 8000}, г. Санкт-Петербург, ул. Кронштадтская, д. {number}"
    ),
    "zip": lambda number: f"19{number + 8000}",
    "city": lambda number: _pick(_CITIES, number),
    "street": lambda number: f"ул. Кронштадтская, д. {number}",
    "job": lambda number: ("Директор", "Менеджер по закупкам", "Бухгалтер")[number % 3],
    "created": lambda number: _moment(number, 0),
    "changed": lambda number: _moment(number, 200),
    "no": lambda number: 0,
    "flag": lambda number: number % 2,
    "small": lambda number: number % 3 + 1,
    "sum": lambda number: f"{1000 + number * 13}.50",
    "currency": lambda number: "RUB",
    "status": lambda number: ("new", "paid", "cancelled")[number % 3],
    "number": lambda number: f"A-{number + 1000}",
    "bik": lambda number: "044030653",
    "account": lambda number: check_digits.account(f"40702810{number:012}", "044030653"),
    "corr": lambda number: "30101810500000000653",
    "bank": lambda number: "ПАО Сбербанк",
    "text": lambda number: f"note {number % 7}",
    "hash": lambda number: f"{number * 7919:032x}",
    "ip": lambda number: f"10.0.0.{number}",
    "none": lambda number: None,
}


class Schema(NamedTuple):
    """A program's tables, and what stands where: ``company.tin`` is its column ``vat``."""

    kind: str
    tables: list[Table]
    fields: dict[str, str]
    view_words: tuple[str, ...] = ()


def table(name: str, columns: str, /, **values: list[Any]) -> Table:
    """Returns a table of ``column:maker`` words; the column with ``*`` is the primary key."""
    made = []
    for word in columns.split():
        column, _, maker = word.partition(":")
        cells = values.get(column.strip("*")) or [MAKERS[maker](number) for number in range(ROWS)]
        made.append(Column(column.strip("*"), tuple(cells), is_key=column[0] == "*"))
    return Table(name, tuple(made), {"from": name})


def _ids(rows: int = ROWS) -> list[int]:
    return [number // 2 + 1 for number in range(rows)]


def _uuids(rows: int = ROWS) -> list[Any]:
    return [MAKERS["uuid"](number // 2) for number in range(rows)]


def _attributes() -> dict[str, list[Any]]:
    makers = {
        "billing_company": "company",
        "billing_inn": "tin",
        "billing_phone": "phone",
        "billing_city": "city",
        "nickname": "text",
    }
    rows = [
        (number + 1, key, MAKERS[maker](number))
        for number in range(ROWS)
        for key, maker in makers.items()
    ]
    return {
        "umeta_id": list(range(1, len(rows) + 1)),
        "user_id": [row[0] for row in rows],
        "meta_key": [row[1] for row in rows],
        "meta_value": [row[2] for row in rows],
    }


def _odoo(makers: tuple[str, str]) -> list[Any]:
    """Returns the cells of 20 companies, then of 20 persons."""
    return [MAKERS[makers[number >= ROWS // 2]](number) for number in range(ROWS)]


SCHEMAS: dict[str, Schema] = {
    "opencart": Schema(
        "mysql",
        [
            table(
                "oc_customer",
                "*customer_id:id customer_group_id:small store_id:no language_id:small"
                " firstname:first lastname:last email:email telephone:phone fax:none password:hash"
                " newsletter:flag address_id:id custom_field:text ip:ip status:flag token:hash"
                " date_added:created",
                custom_field=[f'{{"1":"{MAKERS["tin"](number)}"}}' for number in range(ROWS)],
            ),
            table(
                "oc_address",
                "*address_id:id customer_id:id firstname:first lastname:last company:company"
                " address_1:street address_2:none city:city postcode:zip country_id:small",
            ),
            table(
                "oc_order",
                "*order_id:id invoice_no:no store_id:no customer_id:id firstname:first"
                " lastname:last email:email telephone:phone total:sum order_status_id:small"
                " currency_code:currency ip:ip date_added:created date_modified:changed",
                customer_id=_ids(),
            ),
        ],
        {
            "company.id": "customer_id",
            "company.phones": "telephone",
            "company.emails": "email",
            "company.created_at": "date_added",
            "contact.id": "customer_id",
            "contact.company": "customer_id",
            "contact.last_name": "lastname",
            "contact.first_name": "firstname",
            "order.id": "order_id",
            "order.company": "customer_id",
            "order.total": "total",
            "order.currency": "currency_code",
            "order.created_at": "date_added",
            "order.changed_at": "date_modified",
        },
        ("custom_field", "oc_address"),
    ),
    "prestashop": Schema(
        "mysql",
        [
            table(
                "ps_customer",
                "*id_customer:id id_shop:small id_gender:small company:company siret:none ape:none"
                " firstname:first lastname:last email:email passwd:hash birthday:none website:none"
                " active:flag deleted:no date_add:created date_upd:changed",
            ),
            table(
                "ps_address",
                "*id_address:id id_country:small id_customer:id alias:text company:company"
                " lastname:last firstname:first address1:street address2:none postcode:zip"
                " city:city phone:phone phone_mobile:phone vat_number:tin dni:none"
                " date_add:created date_upd:changed active:flag deleted:no",
            ),
            table(
                "ps_orders",
                "*id_order:id reference:number id_customer:id id_address_invoice:id"
                " id_currency:small current_state:small total_paid:sum date_add:created"
                " date_upd:changed",
                id_customer=_ids(),
                id_address_invoice=_ids(),
            ),
        ],
        {
            "company.id": "id_address",
            "company.tin": "vat_number",
            "company.name": "company",
            "company.phones": "phone",
            "company.address.postal_code": "postcode",
            "company.address.city": "city",
            "company.address.street": "address1",
            "company.changed_at": "date_upd",
            "company.created_at": "date_add",
            "company.deleted": "deleted",
            "contact.last_name": "lastname",
            "contact.first_name": "firstname",
            "order.id": "id_order",
            "order.number": "reference",
            "order.total": "total_paid",
            "order.changed_at": "date_upd",
        },
    ),
    "magento": Schema(
        "mysql",
        [
            table(
                "customer_entity",
                "*entity_id:id website_id:small email:email group_id:small store_id:small"
                " created_at:created updated_at:changed is_active:flag firstname:first"
                " middlename:middle lastname:last taxvat:tin password_hash:hash gender:small",
            ),
            table(
                "customer_address_entity",
                "*entity_id:id parent_id:id created_at:created updated_at:changed is_active:flag"
                " city:city company:company country_id:text firstname:first lastname:last"
                " postcode:zip region:none street:street telephone:phone vat_id:none",
            ),
            table(
                "sales_order",
                "*entity_id:id state:status status:status store_id:small customer_id:id"
                " grand_total:sum order_currency_code:currency increment_id:number"
                " created_at:created updated_at:changed customer_email:email",
                customer_id=_ids(),
            ),
        ],
        {
            "company.id": "entity_id",
            "company.tin": "taxvat",
            "company.emails": "email",
            "company.changed_at": "updated_at",
            "company.created_at": "created_at",
            "contact.last_name": "lastname",
            "contact.first_name": "firstname",
            "contact.middle_name": "middlename",
            "order.id": "entity_id",
            "order.company": "customer_id",
            "order.total": "grand_total",
            "order.currency": "order_currency_code",
            "order.number": "increment_id",
            "order.changed_at": "updated_at",
        },
        ("customer_address_entity",),
    ),
    "woocommerce": Schema(
        "mysql",
        [
            table(
                "wp_users",
                "*ID:id user_login:text user_pass:hash user_nicename:text user_email:email"
                " user_url:none user_registered:created display_name:fio",
            ),
            table(
                "wp_usermeta",
                "*umeta_id: user_id: meta_key: meta_value:",
                **_attributes(),
            ),
            table(
                "wp_wc_orders",
                "*id:id status:status currency:currency type:text total_amount:sum customer_id:id"
                " billing_email:email date_created_gmt:created date_updated_gmt:changed",
                customer_id=_ids(),
            ),
        ],
        {
            "company.id": "ID",
            "company.emails": "user_email",
            "company.created_at": "user_registered",
            "contact.name": "display_name",
            "order.id": "id",
            "order.company": "customer_id",
            "order.total": "total_amount",
            "order.currency": "currency",
            "order.status": "status",
            "order.created_at": "date_created_gmt",
            "order.changed_at": "date_updated_gmt",
        },
        ("billing_inn", "billing_company", "wp_usermeta"),
    ),
    "1c": Schema(
        "csv",
        [
            table(
                "Контрагенты",
                "Код:code Наименование:company НаименованиеПолное:full ИНН:tin КПП:kpp ОГРН:ogrn"
                " КодПоОКПО:none ЮридическийАдрес:address Телефон:phone ЭлектроннаяПочта:email"
                " БИК:bik НомерСчета:account Банк:bank ПометкаУдаления:no ДатаИзменения:changed",
            ),
            table(
                "КонтактныеЛица",
                "Код:code КодКонтрагента:code Фамилия:last Имя:first Отчество:middle"
                " Должность:job Телефон:phone Почта:email",
                КодКонтрагента=[MAKERS["code"](number // 2) for number in range(ROWS)],
            ),
        ],
        {
            "company.id": "Код",
            "company.tin": "ИНН",
            "company.kpp": "КПП",
            "company.ogrn": "ОГРН",
            "company.name": "Наименование",
            "company.full_name": "НаименованиеПолное",
            "company.phones": "Телефон",
            "company.emails": "ЭлектроннаяПочта",
            "company.address.text": "ЮридическийАдрес",
            "company.bank.bik": "БИК",
            "company.bank.account": "НомерСчета",
            "company.bank.bank": "Банк",
            "company.deleted": "ПометкаУдаления",
            "company.changed_at": "ДатаИзменения",
            "contact.id": "Код",
            "contact.company": "КодКонтрагента",
            "contact.last_name": "Фамилия",
            "contact.first_name": "Имя",
            "contact.middle_name": "Отчество",
            "contact.position": "Должность",
            "contact.phones": "Телефон",
            "contact.emails": "Почта",
        },
    ),
    "odoo": Schema(
        "postgresql",
        [
            table(
                "public.res_partner",
                "*id:id name: company_id:small create_date:created write_date:changed parent_id:"
                " ref:none lang:text vat: website:none active:flag type:text street:street zip:zip"
                " city:city email:email phone:phone mobile:none is_company: function: color:no",
                name=_odoo(("company", "fio")),
                parent_id=[None] * (ROWS // 2) + [number + 1 for number in range(ROWS // 2)],
                vat=_odoo(("tin", "none")),
                is_company=[number < ROWS // 2 for number in range(ROWS)],
                function=_odoo(("none", "job")),
            ),
            table(
                "public.sale_order",
                "*id:id name:number partner_id:id amount_total:sum state:status date_order:created"
                " write_date:changed create_date:created currency_id:small",
                partner_id=_ids(),
            ),
        ],
        {
            "company.id": "id",
            "company.tin": "vat",
            "company.name": "name",
            "company.phones": "phone",
            "company.emails": "email",
            "company.address.city": "city",
            "company.address.street": "street",
            "company.address.postal_code": "zip",
            "company.changed_at": "write_date",
            "company.created_at": "create_date",
            "company.only.field": "is_company",
            "contact.id": "id",
            "contact.company": "parent_id",
            "contact.name": "name",
            "contact.position": "function",
            "contact.only.field": "is_company",
            "order.id": "id",
            "order.company": "partner_id",
            "order.number": "name",
            "order.total": "amount_total",
            "order.status": "state",
            "order.changed_at": "write_date",
        },
    ),
    "suitecrm": Schema(
        "mysql",
        [
            table(
                "accounts",
                "*id:uuid name:company date_entered:created date_modified:changed"
                " modified_user_id:text description:none deleted:no account_type:text"
                " billing_address_street:street billing_address_city:city"
                " billing_address_postalcode:zip phone_office:phone phone_alternate:phone"
                " website:site",
            ),
            table("accounts_cstm", "*id_c:uuid inn_c:tin kpp_c:kpp"),
            table(
                "contacts",
                "*id:uuid date_entered:created date_modified:changed deleted:no salutation:none"
                " first_name:first last_name:last title:job department:text phone_mobile:phone"
                " phone_work:phone",
            ),
            table(
                "accounts_contacts",
                "*id:uuid contact_id:uuid account_id: date_modified:changed deleted:no",
                account_id=_uuids(),
            ),
        ],
        {
            "company.id": "id",
            "company.name": "name",
            "company.phones": "phone_office",
            "company.site": "website",
            "company.address.city": "billing_address_city",
            "company.address.street": "billing_address_street",
            "company.address.postal_code": "billing_address_postalcode",
            "company.changed_at": "date_modified",
            "company.created_at": "date_entered",
            "company.deleted": "deleted",
            "contact.id": "id",
            "contact.last_name": "last_name",
            "contact.first_name": "first_name",
            "contact.position": "title",
            "contact.changed_at": "date_modified",
            "contact.deleted": "deleted",
        },
        ("accounts_cstm", "inn_c", "accounts_contacts", "account_id"),
    ),
    "dolibarr": Schema(
        "mysql",
        [
            table(
                "llx_societe",
                "*rowid:id nom:company name_alias:none entity:small address:address zip:zip"
                " town:city fk_pays:small phone:phone fax:none url:site email:email siren:tin"
                " siret:kpp tva_intra:none datec:created tms:changed status:flag",
            ),
            table(
                "llx_socpeople",
                "*rowid:id datec:created tms:changed fk_soc:id lastname:last firstname:first"
                " poste:job phone:phone phone_mobile:phone email:email statut:flag",
                fk_soc=_ids(),
            ),
            table(
                "llx_commande",
                "*rowid:id ref:number fk_soc:id tms:changed date_creation:created"
                " fk_statut:small total_ttc:sum multicurrency_code:currency",
                fk_soc=_ids(),
            ),
        ],
        {
            "company.id": "rowid",
            "company.tin": "siren",
            "company.kpp": "siret",
            "company.name": "nom",
            "company.phones": "phone",
            "company.emails": "email",
            "company.site": "url",
            "company.address.city": "town",
            "company.address.postal_code": "zip",
            "company.address.text": "address",
            "company.changed_at": "tms",
            "company.created_at": "datec",
            "contact.id": "rowid",
            "contact.company": "fk_soc",
            "contact.last_name": "lastname",
            "contact.first_name": "firstname",
            "contact.position": "poste",
            "contact.emails": "email",
            "order.id": "rowid",
            "order.company": "fk_soc",
            "order.number": "ref",
            "order.total": "total_ttc",
            "order.currency": "multicurrency_code",
            "order.changed_at": "tms",
        },
    ),
    "espocrm": Schema(
        "postgresql",
        [
            table(
                "account",
                "*id:uuid name:company deleted:no website:site type:text industry:none"
                " sic_code:tin billing_address_street:street billing_address_city:city"
                " billing_address_postal_code:zip description:none created_at:created"
                " modified_at:changed",
            ),
            table(
                "contact",
                "*id:uuid deleted:no first_name:first last_name:last middle_name:middle"
                " description:none account_id: created_at:created modified_at:changed",
                account_id=_uuids(),
            ),
            table(
                "account_phone",
                "*id:id account_id: phone_number:phone",
                account_id=[MAKERS["uuid"](number) for number in range(ROWS)],
            ),
        ],
        {
            "company.id": "id",
            "company.tin": "sic_code",
            "company.name": "name",
            "company.site": "website",
            "company.address.city": "billing_address_city",
            "company.address.street": "billing_address_street",
            "company.address.postal_code": "billing_address_postal_code",
            "company.changed_at": "modified_at",
            "company.created_at": "created_at",
            "company.deleted": "deleted",
            "contact.id": "id",
            "contact.company": "account_id",
            "contact.last_name": "last_name",
            "contact.first_name": "first_name",
            "contact.middle_name": "middle_name",
            "contact.changed_at": "modified_at",
        },
        ("phone_number", "account_phone"),
    ),
    "moysklad": Schema(
        "xlsx",
        [
            Table(
                "Контрагенты",
                tuple(
                    Column(name, tuple(MAKERS[maker](number) for number in range(ROWS)))
                    for name, maker in (
                        ("UUID", "uuid"),
                        ("Наименование", "company"),
                        ("Полное наименование", "full"),
                        ("Тип контрагента", "text"),
                        ("ИНН", "tin"),
                        ("КПП", "kpp"),
                        ("ОГРН", "ogrn"),
                        ("Юридический адрес", "address"),
                        ("Телефон", "phone"),
                        ("E-mail", "email"),
                        ("Контактное лицо", "fio"),
                        ("Расчетный счет", "account"),
                        ("Корр. счет", "corr"),
                        ("БИК", "bik"),
                        ("Банк", "bank"),
                        ("Создан", "created"),
                        ("Изменен", "changed"),
                        ("Архивный", "no"),
                    )
                ),
                {},
            )
        ],
        {
            "company.id": "UUID",
            "company.tin": "ИНН",
            "company.kpp": "КПП",
            "company.ogrn": "ОГРН",
            "company.name": "Наименование",
            "company.full_name": "Полное наименование",
            "company.address.text": "Юридический адрес",
            "company.phones": "Телефон",
            "company.emails": "E-mail",
            "company.bank.bik": "БИК",
            "company.bank.account": "Расчетный счет",
            "company.bank.corr_account": "Корр. счет",
            "company.bank.bank": "Банк",
            "company.created_at": "Создан",
            "company.changed_at": "Изменен",
            "contact.name": "Контактное лицо",
            "contact.company": "UUID",
        },
    ),
}
