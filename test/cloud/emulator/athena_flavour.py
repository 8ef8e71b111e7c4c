"""MiniStack runs Athena's SQL on DuckDB: the functions, the arithmetic and the parameters in which the two differ."""

import re

import duckdb
from ministack.core.responses import error_response_json
from ministack.services import athena

SETTINGS = [
    "SET integer_division = true",  # 1/2 is 0
    "SET TimeZone = 'UTC'",
]
# Trino's name on the left; no macro can replace a function that takes a lambda.
MACROS = [
    "approx_distinct(x) AS approx_count_distinct(x)",
    "approx_percentile(x, p) AS quantile_cont(x, p)",
    "at_timezone(t, zone) AS timezone(zone, t)",
    "from_iso8601_timestamp(s) AS CAST(s AS TIMESTAMPTZ)",
    "from_unixtime(x) AS to_timestamp(x)",
    "json_extract_scalar(j, path) AS json_extract_string(j, path)",
    "regexp_like(s, pattern) AS regexp_matches(s, pattern)",
    "sequence(a, b) AS generate_series(a, b)",
    "to_unixtime(t) AS epoch(t)",
]
# A `?` inside a literal, a quoted name or a comment is no parameter.
PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|\?")


def apply() -> list[str]:
    duckdb.connect = speak_trino(duckdb.connect)
    athena._start_query_execution = fill_in_parameters(athena._start_query_execution)
    return ["not simulated: Athena's partition projection, bytes scanned and scan limit; Trino's lambdas, CTAS, UNLOAD"]


def speak_trino(plain_connect):
    def connect(*args, **options):
        connection = plain_connect(*args, **options)
        for statement in SETTINGS:
            connection.execute(statement)
        for macro in MACROS:
            connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}")
        return connection

    return connect


def fill_in_parameters(start):
    """MiniStack ignores ExecutionParameters; each is a literal that stands for the next `?`."""

    def start_filled_in(data):
        query, given = data.get("QueryString", ""), data.get("ExecutionParameters") or []
        wanted = sum(part == "?" for part in PLACEHOLDER.findall(query))
        if wanted != len(given):
            message = f"the query has {wanted} parameters, but {len(given)} were given"
            return error_response_json("InvalidRequestException", message, 400)
        values = iter(given)
        filled = PLACEHOLDER.sub(lambda part: next(values) if part[0] == "?" else part[0], query)
        return start({**data, "QueryString": filled})

    return start_filled_in
