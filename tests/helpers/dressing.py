"""The same records dressed as a file of any kind, delimiter, encoding and packing."""

import csv
import gzip
import io
import json
import re
import zipfile

import openpyxl


def dressed(records, kind, *, delimiter=";", encoding="utf-8", packing="", indent=None):
    """The content of a file of this kind with the records: dicts of texts with the same keys."""
    data = _KINDS[kind](records, delimiter, encoding, indent)
    if packing == "gzip":
        return gzip.compress(data)
    if packing == "zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("data", data)
        return archive.getvalue()
    return data


def _csv(records, delimiter, encoding, _):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(records[0])
    writer.writerows([record[name] for name in records[0]] for record in records)
    return text.getvalue().encode(encoding)


def _xlsx(records, *_):
    book = openpyxl.Workbook()
    book.active.append(list(records[0]))
    for record in records:
        book.active.append([record[name] for name in records[0]])
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def _json(records, _, encoding, indent):
    content = {"made": "now", "data": {"rows": records}}
    return json.dumps(content, ensure_ascii=False, indent=indent).encode(encoding)


def _jsonl(records, _, encoding, __):
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return "".join(lines).encode(encoding)


_KINDS = {"csv": _csv, "xlsx": _xlsx, "json": _json, "jsonl": _jsonl}


_CELL = re.compile(r't="inlineStr"><is><t[^>]*>([^<]*)</t></is>')
_SHARED = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"


def with_shared_strings(workbook):
    """The workbook as Excel writes it: its cells refer to texts that stand in a part of their own.

    openpyxl writes the texts into the cells.
    """
    texts, result = [], io.BytesIO()

    def share(match):
        texts.append(match[1])
        return f't="s"><v>{len(texts) - 1}</v>'

    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            xml = old.read(name).decode()
            if name.startswith("xl/worksheets/"):
                xml = _CELL.sub(share, xml)
            if name == "[Content_Types].xml":
                part = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_SHARED}"/>'
                xml = xml.replace("</Types>", f"{part}</Types>")
            new.writestr(name, xml)
        strings = "".join(f'<si><t xml:space="preserve">{text}</t></si>' for text in texts)
        namespace = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        new.writestr("xl/sharedStrings.xml", f'<sst xmlns="{namespace}">{strings}</sst>')
    return result.getvalue()
