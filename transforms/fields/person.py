"""Person names: last, first and middle name.

Source: contracts, "Person".

>>> parse("ИВАНОВ", "ПЁТР", "сергеевич")[0]
Name(last='Иванов', first='Пётр', middle='Сергеевич')
>>> parse("Пётр Сергеевич Иванов", None, "")[0]        # one field with all three
Name(last='Иванов', first='Пётр', middle='Сергеевич')
>>> parse(None, "Петрова-водкина А.И.", None)[0]
Name(last='Петрова-Водкина', first='А.', middle='И.')
>>> parse("МАМЕДОВ ЭЛЬДАР РАСИМ ОГЛЫ", None, None)[0]
Name(last='Мамедов', first='Эльдар', middle='Расим оглы')
>>> parse("-", "Тест", 5)
(Name(last='', first='', middle=''), (Note(field='last_name', problem='placeholder', value='-'), Note(field='first_name', problem='placeholder', value='Тест'), Note(field='middle_name', problem='unreadable', value='5')))
"""

import re
from functools import lru_cache
from typing import NamedTuple

from transforms.fields import text
from transforms.fields.given_names import GIVEN_NAMES
from transforms.fields.placeholders import is_placeholder
from transforms.records import Note


class Name(NamedTuple):
    """A name's parts, "" where not known; an initial is a letter with a dot."""

    last: str = ""
    first: str = ""
    middle: str = ""


_LONGEST = 200
_FIELDS = ("last_name", "first_name", "middle_name")
_PARTICLES = frozenset("оглы оглу кызы гызы улы уулу углы фон дер де ла ибн".split())
_SONS = frozenset("оглы оглу кызы гызы улы уулу углы".split())
_PATRONYMIC = re.compile(r".+(?:[оеё]вич|[оеё]вна|[^аоеи]ична|инична|ич|(?:-| )(?:оглы|оглу|кызы|гызы|улы|уулу|углы))")
_SON_NAMES = frozenset(
    """ильич кузьмич лукич никитич саввич фомич фокич ильинична кузьминична лукинична никитична
    саввична фоминична фокинична""".split()
)
_INITIAL = re.compile(r"([^\W\d_])\.\s?")
_PIECE = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
