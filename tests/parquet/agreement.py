"""Holds the rows to the profiler's JSON."""

import duckdb
import polars

MICROSECOND = 1e-3  # in ms


def one(query, *values):
    """The first column of the only row."""
    return duckdb.execute(query, values).fetchall()[0][0]


def near(a, b):
    return (a is None) == (b is None) and (a is None or abs(a - b) < MICROSECOND)


def check(checks, profile):
    for node in profile["nodes"]:
        check_counts(checks, node)
        check_times(checks, node)
        check_lookups(checks, node, profile["captures"][0]["start"])
    for table in ("messages", "exchanges", "lookups"):
        height = polars.read_parquet(f"{table}.parquet").height
        rows = one(f"SELECT count(*) FROM '{table}.parquet'")
        checks.that(height == rows > 0, f"{table}: Polars and DuckDB read as many rows", height)


def check_counts(checks, node):
    label = node["label"]

    def count(table, condition="true"):
        return one(f"SELECT count(*) FROM '{table}.parquet' WHERE node = ? AND {condition}", label)

    def size(direction):
        query = "SELECT sum(ip_bytes) FROM 'messages.parquet' WHERE node = ? AND direction = ?"
        return int(one(query, label, direction))

    in_lookups = (
        "(node, lookup) IN (SELECT (node, lookup) FROM 'lookups.parquet' WHERE kind = 'get_peers')"
    )
    queries, all_queries = node["lookup_queries"], node["all_queries"]
    maintenance, received = node["maintenance"], node["received"]
    figures = {
        "messages": (node["messages"], count("messages")),
        "queries sent": (all_queries["sent"], count("exchanges")),
        "bytes sent": (all_queries["bytes_out"], size("sent")),
        "bytes received": (all_queries["bytes_in"], size("received")),
        "pings": (maintenance["ping"], count("exchanges", "method = 'ping'")),
        "find_node queries": (maintenance["find_node"], count("exchanges", "method = 'find_node'")),
        "lookup queries": (queries["sent"], count("exchanges", in_lookups)),
        "answered": (
            queries["answered"],
            count("exchanges", f"outcome = 'answered' AND {in_lookups}"),
        ),
        "answered late": (
            queries["answered_late"],
            count("exchanges", f"outcome = 'answered_late' AND {in_lookups}"),
        ),
        "RTTs": (node["rtt_ms"]["count"], count("exchanges", "outcome = 'answered'")),
        "pings received": (
            received["ping"],
            count("messages", "direction = 'received' AND method = 'ping'"),
        ),
    }
    for what, (expected, found) in figures.items():
        checks.that(expected == found, f"{label}: {what}", (expected, found))
    late = count("exchanges", "outcome = 'answered_late'")
    checks.that(late > 0 and count("exchanges", "answer = 'error'") > 0, f"{label}: every outcome")


def check_times(checks, node):
    label = node["label"]
    columns = {
        "rtt_ms": "rtt_ns) FROM 'exchanges.parquet' WHERE node = ? AND outcome = 'answered'",
        "lookup_latency_ms": "latency_ns) FROM 'lookups.parquet' WHERE node = ? AND kind = 'get_peers'",
        "closest_ms": "closest_ns) FROM 'lookups.parquet' WHERE node = ? AND kind = 'get_peers'",
    }
    for key, rest in columns.items():
        for name, expected in node[key].items():
            if name[0] == "p" and name[1:].isdigit():
                column, source = rest.split(")", 1)
                query = f"SELECT quantile_cont({column}, {int(name[1:]) / 100}) / 1e6{source}"
                found = one(query, label)
                checks.that(near(expected, found), f"{label}: {key} {name}", (expected, found))


# in the JSON -> from the table
LOOKUP = {
    "infohash": "lower(hex(target))",
    "latency_ms": "latency_ns / 1e6",
    "cost": "cost",
    "queries": "queries",
    "responses": "answered",
    "responses_late": "answered_late",
    "closest_ms": "closest_ns / 1e6",
    "replicas": "replicas",
    "peers": "peers",
    "announced": "announced",
    "hops": "hops",
    "closest_hops": "closest_hops",
    "first_distance_bits": "first_distance_bits",
    "closest_distance_bits": "closest_distance_bits",
}


def check_lookups(checks, node, start):
    columns = ", ".join([*LOOKUP.values(), "(epoch_ns(time) - epoch_ns(?::TIMESTAMPTZ)) / 1e6"])
    rows = duckdb.execute(
        f"SELECT {columns} FROM 'lookups.parquet' WHERE node = ? AND kind = 'get_peers' ORDER BY lookup",
        [start, node["label"]],
    ).fetchall()
    differ = []
    for expected, row in zip(node["lookups"], rows):
        *figures, start_ms = row
        for key, found in zip(LOOKUP, figures):
            same = near(expected[key], found) if key.endswith("_ms") else expected[key] == found
            if not same:
                differ.append((key, expected[key], found))
        if not near(expected["start_s"] * 1000, start_ms):
            differ.append(("start_s", expected["start_s"], start_ms))
    label = node["label"]
    checks.that(len(rows) == len(node["lookups"]) > 50, f"{label}: a row for each lookup", len(rows))
    checks.that(not differ, f"{label}: lookups one by one", differ)
