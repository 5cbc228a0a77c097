"""Holds docs/parquet.md to the files: its columns, and its queries with their results."""

import re
from pathlib import Path

import duckdb

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "parquet.md").read_text()
BLOCK = re.compile(r"^```(\w+) ([\w-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TABLES = ("messages", "exchanges", "lookups")
# type in the page -> Parquet's physical type, length, and what DuckDB makes of it
TYPES = {
    "TIMESTAMP(ns, UTC)": ("INT64", None, "TIMESTAMPTZ_NS"),
    "INT64": ("INT64", None, "BIGINT"),
    "INT32": ("INT32", None, "INTEGER"),
    "UINT16": ("INT32", None, "USMALLINT"),
    "bool": ("BOOLEAN", None, "BOOLEAN"),
    "text": ("BYTE_ARRAY", None, "VARCHAR"),
    "bytes": ("BYTE_ARRAY", None, "BLOB"),
    "20 bytes": ("FIXED_LEN_BYTE_ARRAY", "20", "BLOB"),
}


def listed(table):
    """Name, type and nullability of the columns that the page lists."""
    section = PAGE.split(f"\n## {table}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| ([^|]+) \| (yes|no) \|", section, re.MULTILINE)


def check_columns(checks):
    for table in TABLES:
        found = duckdb.sql(
            "SELECT name, type, type_length, column_type, repetition_type "
            f"FROM parquet_schema('{table}.parquet') "
            f"JOIN (DESCRIBE FROM '{table}.parquet') ON name = column_name ORDER BY column_id"
        ).fetchall()
        expected = [
            (name, *TYPES[kind], "OPTIONAL" if null == "yes" else "REQUIRED")
            for name, kind, null in listed(table)
        ]
        differ = [pair for pair in zip(found, expected) if pair[0] != pair[1]]
        checks.that(
            not differ and len(found) == len(expected), f"{table}: the page lists the columns", differ
        )


def sql(text):
    relation = duckdb.sql(text)
    return relation.columns, relation.fetchall()


def python(text):
    names = {}
    exec(text, names)  # noqa: S102 - our own page
    return names["result"].columns, names["result"].rows()


def csv(columns, rows):
    lines = [columns, *rows]
    return "".join(
        ",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in lines
    )


def check_queries(checks, show):
    blocks = {(language, name): text for language, name, text in BLOCK.findall(PAGE)}
    queries = [key for key in blocks if key[0] in ("sql", "python")]
    checks.that(len(queries) >= 4, "the page has queries", queries)
    for language, name in queries:
        found = csv(*{"sql": sql, "python": python}[language](blocks[language, name]))
        if show:
            print(f"{name}\n{found}")
        checks.that(found == blocks.get(("csv", name)), f"{language}: {name}", found)
