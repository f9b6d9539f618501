"""What columns and tables are called: English, Russian, Russian in Latin letters.

>>> plain_name("НаименованиеПолное"), plain_name("oc_customer.firstName"), plain_name("E-mail")
('naimenovanie_polnoe', 'oc_customer_first_name', 'e_mail')
>>> name_strength("tin", "ИНН"), name_strength("tin", "billing_inn"), name_strength("tin", "inner")
(1.0, 0.7, 0.0)
"""

import re
from functools import cache

_CAMEL = re.compile(r"(?<=[a-zа-яё0-9])(?=[A-ZА-ЯЁ])|(?<=[A-ZА-ЯЁ])(?=[A-ZА-ЯЁ][a-zа-яё])")
_OTHER = re.compile(r"[^a-z0-9]+")
_LATIN = str.maketrans(
    {
        **dict(zip("абвгдезийклмнопрстуфыэьъё", "abvgdeziyklmnoprstufye\0\0e", strict=True)),
        "ж": "zh",
        "х": "h",
        "ц": "ts",
        "ч": "ch",
        "ш": "sh",
        "щ": "sch",
        "ю": "yu",
        "я": "ya",
    }
)

# For each role: what a name is as a whole, and what it is in part; both between word limits.
_ROLES = {
    "id": (
        r"id|ids?_?c|rowid|kod|code|key|ref_key|guid|uuid|uid|ssylka|entity_id|partner|pk|"
        r"identifikator|vneshniy_kod|external_code|nomer_klienta|customer_no|person_no",
        r"id|kod|code|guid|uuid|key|no|nomer|ref",
    ),
    "tin": (
        r"inn|tin|vat|vat_?id|vat_?ids|vat_?number|vat_?no|vat_?code|tax_?id|tax_?number|tax_?no|"
        r"taxvat|tax_?code|siret|siren|tva_intra|fiscal_code|nalogovyy_nomer|inn_c|nip|"
        r"identifikatsionnyy_nomer|taxpayer_?id|tax_payer_id",
        r"inn|tin|vat|taxvat|siret|taxid|tax_id|vat_id|vat_number",
    ),
    "kpp": (r"kpp|kpp_c|tax_reason_code|ape", r"kpp"),
    "ogrn": (
        r"ogrn|ogrnip|ogrn_ip|psrn|ogrn_c|reg_number|registration_number",
        r"ogrn|ogrnip|psrn",
    ),
    "name": (
        r"name|company|company_?name|naimenovanie|nazvanie|title|organi[sz]ation|account_?name|"
        r"short_?name|nom|description|display_name|kontragent|client|customer|firma|organizatsiya|"
        r"name1|label|naimenovanie_kratkoe|sokr_naimenovanie|sokraschennoe_naimenovanie|"
        r"kompaniya|predpriyatie|klient|customer_name|partner_name|org_name|legal_name_short",
        r"company|company_name|naimenovanie|nazvanie|organization|organisation|firma|kompaniya",
    ),
    "full_name": (
        r"full_?name|legal_?name|naimenovanie_polnoe|polnoe_naimenovanie|naim_poln|long_name|"
        r"official_name|yur_nazvanie|yuridicheskoe_naimenovanie|polnoe_nazvanie|nazvanie_polnoe|"
        r"company_full_name|naimenovanie_yuridicheskoe|full_title|legal_title|name_full",
        r"legal_name|polnoe|full_name|poln",
    ),
    "legal_form": (
        r"opf|legal_?form|forma_sobstvennosti|org_?form|form|fk_forme_juridique",
        r"opf",
    ),
    "phones": (
        r"phones?|tel|telefon|telefony|telephone|mobile|mobilnyy|fax|faks|phone_?\w*|tel_?\d|"
        r"phone_?mobile|mobile_?phone|mobilnyy_telefon|kontaktnyy_telefon|rabochiy_telefon|msisdn",
        r"phones?|tel|telefon|telephone|mobile|fax|faks|mobilnyy|mob",
    ),
    "emails": (
        r"e_?mails?|mail|e_?mail_?\d|email_?address|pochta|elektronnaya_pochta|elpochta|"
        r"el_pochta|adres_elektronnoy_pochty|mail_?\d",
        r"e_?mail|mail|pochta|imeyl",
    ),
    "site": (
        r"site|sayt|web_?site|www|url|homepage|web|veb_sayt|internet|sayt_kompanii|web_?page",
        r"site|sayt|website|www|url",
    ),
    "address": (
        r"address|adres|addr|full_?address|yuridicheskiy_adres|yur_adres|legal_?address|"
        r"adres_yuridicheskiy|address_?legal|fakticheskiy_adres|actual_address|location|"
        r"pochtovyy_adres|adres_dostavki|adres_registratsii|address_?text",
        r"address|adres|addr",
    ),
    "postal_code": (
        r"post_?code|postal_?code|zip|zip_?code|indeks|pochtovyy_indeks|index|plz|cp",
        r"postcode|postal_?code|zip|indeks|postalcode",
    ),
    "region": (
        r"region|oblast|state|province|zone|subekt|area|zone_id|state_?name",
        r"region|oblast|state",
    ),
    "city": (r"city|gorod|town|locality|naselennyy_punkt|ville|city_?name", r"city|gorod|town"),
    "street": (
        r"street|ulitsa|address_?1|addr_?1|address_?line_?1|street_?address|street1|street_?name",
        r"street|ulitsa|address_1|address1|address_line1",
    ),
    "house": (
        r"house|dom|building|house_?number|dom_korpus|nomer_doma|house_?no",
        r"house|dom|house_number",
    ),
    "bik": (r"bik|bic|bank_?bik|bik_banka|swift", r"bik|bic"),
    "account": (
        r"account|acc|rs|r_s|r_schet|raschetnyy_schet|schet|nomer_scheta|account_?number|"
        r"bank_?account|acc_?number|checking_account|rasch_schet|settlement_account|r_sch|iban",
        r"raschetnyy|acc_number|account_number|nomer_scheta|bank_account|checking_account",
    ),
    "corr_account": (
        r"ks|k_s|korr_?schet|korrespondentskiy_schet|corr_?account|correspondent_?account|"
        r"cor_account|kor_schet|k_schet|corr_acc|korschet|correspondent_acc",
        r"korr|corr|correspondent|korrespondentskiy|korschet",
    ),
    "bank": (
        r"bank|bank_?name|naimenovanie_banka|nazvanie_banka|bank_naimenovanie|bank_title",
        r"bank|banka",
    ),
    "last_name": (
        r"last_?name|surname|familiya|sname|lname|second_?name_?last|family_?name|fam|nachname",
        r"last_?name|lastname|surname|familiya|lname",
    ),
    "first_name": (
        r"first_?name|imya|given|given_?name|fname|forename|vorname",
        r"first_?name|firstname|imya|given|fname",
    ),
    "middle_name": (
        r"middle_?name|patronymic|otchestvo|second_?name|mname|patronym|secondname",
        r"middle_?name|middlename|otchestvo|patronymic",
    ),
    "whole_name": (
        r"fio|f_i_o|full_?name|name|contact_?name|contact_?person|kontaktnoe_litso|person|"
        r"display_?name|predstavitel|kontakt|contact|naimenovanie|description|person_?name|"
        r"familiya_imya_otchestvo|fio_kontaktnogo_litsa|imya_kontakta",
        r"fio|contact_name|contact_person|kontaktnoe|full_name",
    ),
    "position": (
        r"position|dolzhnost|job|job_?title|title|role|post|function|poste|job_?position|rol",
        r"position|dolzhnost|job|job_title",
    ),
    "changed_at": (
        r"changed_?at|updated_?at|modified|updated|date_?modified|date_?upd|date_?updated|upd|"
        r"write_?date|last_?changed?|change_?date|last_?modified|modified_?at|modified_?on|modify_?date|"
        r"updated_?on|data_izmeneniya|izmenen|izmeneno|obnovlen|obnovleno|data_obnovleniya|mtime|"
        r"date_updated_gmt|modified_?time|modifiedtime|last_?update|last_?updated|date_?modify|"
        r"update_?time|data_modifikatsii|update_?date|lastupdate|date_last_modified|"
        r"posledneye_izmenenie|vremya_izmeneniya|date_?changed|updatedat|modifiedat|aedat",
        r"modified|updated|changed|change|tms|timestamp|izm|izmeneniya|izmenen|obnovleniya|upd|modify|update|obnovlen|"
        r"izmeneno|modification",
    ),
    "created_at": (
        r"created_?at|created|date_?created|create_?date|date_?add|date_?added|date_?entered|"
        r"datec|registered|user_?registered|date_?register|date_?registered|created_?on|"
        r"data_sozdaniya|sozdan|sozdano|ctime|date_?create|created_?time|createdtime|dobavlen|"
        r"date_created_gmt|creation_?date|creation|insert_?date|date_?insert|data_dobavleniya|"
        r"data_registratsii|registration_?date|date_?order|order_?date|data|data_zakaza|date|erdat",
        r"created|create|added|made|placed|ordered|sozd|entered|registered|sozdaniya|sozdan|dobavleniya|date_add|creation",
    ),
    "deleted": (
        r"deleted|is_?deleted|removed|is_?removed|deletion_?mark|pometka_udaleniya|udalen|"
        r"udalena|archived|is_?archived|deleted_?at|del|arhiv|v_arhive|udaleno|loevm|trash",
        r"deleted|removed|udaleniya|udalen|archived|deletion",
    ),
    "active": (r"active|is_?active|aktivnost|aktiven|enabled|is_?enabled|status|statut", r"active"),
    "number": (
        r"number|nomer|order_?number|increment_id|reference|ref|doc_?no|order_?no|invoice_?no|"
        r"nomer_zakaza|nomer_dokumenta|salesorder_no|name|account_number|code|kod",
        r"number|nomer|reference|increment_id|order_no",
    ),
    "total": (
        r"total|amount|sum|summa|grand_?total|amount_?total|total_?amount|total_?paid|price|"
        r"order_?total|total_?ttc|summa_dokumenta|itogo|order_?sum|total_?sum|stoimost|"
        r"total_?paid_tax_incl|total_?price|netwr|sum_total|invoice_amount",
        r"total|amount|summa|sum|itogo|stoimost",
    ),
    "currency": (
        r"currency|valyuta|currency_?code|cur|waers|order_currency_code|currency_?id|"
        r"valyuta_dokumenta|multicurrency_code",
        r"currency|valyuta",
    ),
    "status": (
        r"status|state|sostoyanie|order_?status|order_status_id|current_state|fk_statut|statut|"
        r"status_?id|sostoyanie_zakaza|status_zakaza|sales_stage|sostatus",
        r"status|state|sostoyanie",
    ),
    "company_ref": (
        r"company|company_?id|customer|customer_?id|id_?customer|client|client_?id|account_?id|"
        r"account|partner_?id|parent_?id|fk_soc|socid|owner|owner_?key|owner_?id|kontragent|"
        r"kontragent_key|kontragent_id|kontragent_kod|klient|klient_id|vladelets|organization_?id|"
        r"organisation_?id|user_?id|org_?id|contact_of|kod_kontragenta|kod_klienta|customer_no|"
        r"entity_id|id_c|bean_id|object_id|record_id|firma_id|id_klienta|id_kontragenta|id_address_invoice|accountid|zakazchik|pokupatel",
        r"company|customer|client|account|partner|kontragent|kontragenta|klient|klienta|owner|"
        r"organization|soc|parent|vladelets",
    ),
    "contact_ref": (
        r"contact|contact_?id|person|person_?id|user_?id|kontakt|kontaktnoe_litso|contactid|"
        r"person_no|kontakt_id|fk_socpeople|buyer_id",
        r"contact|person|kontakt|kontaktnoe",
    ),
}
_TABLES = {
    "company": r"compan(y|ies)|customers?|clients?|accounts?|organi[sz]ations?|partners?|"
    r"suppliers?|"
    r"kontragenty?|contragents?|counterpart(y|ies)|societe|firms?|firmy|klienty?|pokupateli|"
    r"zakazchiki|organizatsii|users?|address|legal_entit(y|ies)|yur_?litsa|kna1|business_partners?",
    "contact": r"contacts?|persons?|people|kontakty?|kontaktnye_litsa|employees?|socpeople|"
    r"contactdetails|sotrudniki|users?|representatives?|litsa|customers?|customer_persons?",
    "order": r"orders?|zakazy?|sales_?orders?|sale_order|invoices?|commande|deals?|zakazy_klientov|"
    r"salesorder|zakaz_klienta|purchases?|opportunit(y|ies)|realizatsii|prodazhi|vbak",
}
_PART = 0.7


def plain_name(name: str) -> str:
    """Returns a name in small Latin letters, its words joined by ``_``."""
    text = _CAMEL.sub("_", name).lower().translate(_LATIN).replace("\0", "")
    return _OTHER.sub("_", text).strip("_")


def name_strength(role: str, name: str) -> float:
    """Returns how much a column's name speaks for a role: 1 for all of it, 0.7 for a part of it."""
    whole, part = _patterns(role)
    plain = plain_name(name)
    if whole.fullmatch(plain) or whole.fullmatch(plain.replace("_", "")):
        return 1.0
    return _PART if part.search(plain) else 0.0


def table_strength(kind: str, name: str) -> float:
    """Returns how much a table's name speaks for a kind of records."""
    plain = plain_name(name.rpartition(".")[2])
    pattern = _table_pattern(kind)
    if pattern.fullmatch(plain):
        return 1.0
    match = pattern.search(plain)
    return 0.0 if match is None else 0.8 if match.end() == len(plain) else 0.5


@cache
def _patterns(role: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    whole, part = _ROLES[role]
    return re.compile(whole), re.compile(rf"(?:^|_)(?:{part})(?:_|\d|$)")


@cache
def _table_pattern(kind: str) -> re.Pattern[str]:
    return re.compile(rf"(?:(?<=_)|^)(?:{_TABLES[kind]})(?=_|$)")
