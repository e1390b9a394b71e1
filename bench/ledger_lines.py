"""Makes a ledger of any size: realistic lines in real parts, named by a real manifest.

DuckDB draws the lines from hashes of their numbers, so that the same seed makes the same ledger;
`ledger.parts` writes them as the scribe and its merges would. For the bench of what-if, and for
whoever wants to try a report over a hundred million lines: `python -m bench.ledger_lines FOLDER`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
from rich.console import Console

from steelyard.control.control import Control
from steelyard.control.places import Places
from steelyard.ledger import parts
from steelyard.ledger.lines import SCHEMA
from steelyard.store import books
from steelyard.store.books import NS_PER_DAY

SEED = 2**40
DAYS = 365
FIRST_DAY = int(datetime(2025, 11, 1, tzinfo=UTC).timestamp()) // 86400
OFFERS = 40
ACCOUNTS = 180
TASKS = 30
_MERGED_ROWS = 208_000
"""Lines of a merge of 16 parts of the scribe's: what a later merge reads, and cuts, at once."""


def config() -> str:
    """Return the configuration that the ledger's offers stood in, with prices since 2023."""
    channels = {f"vendor-{number % 12}" for number in range(OFFERS)}
    lines = ["listen: 127.0.0.1:8080", "channels:"]
    for name in sorted(channels):
        lines.append(f'  {name}: {{base_url: "http://127.0.0.1:9/v1", credential: x}}')
    lines.append("offers:")
    for i in range(OFFERS):
        times = max(1, 600 // (1 + i * i))
        code = "USD" if i % 3 == 0 else "CNY"
        prices = {"input": 10 * times, "output": 40 * times, "cache_read": times}
        texts = [f"{item}: {cents / 100:g} {code}/mtok" for item, cents in prices.items()]
        lines.append(
            f"  - {{model: model-{i}, channel: vendor-{i % 12}, context: 200000,"
            f" output_max: 16000, valid_from: 2023-01-01, rates: {{{', '.join(texts)}}}}}"
        )
    return "\n".join([*lines, "accounts: {demo: }", ""])


_OFFERS_SQL = f"""
CREATE TABLE offers AS
SELECT
    i AS number,
    'vendor-' || (i % 12) || '/model-' || i AS offer,
    'model-' || i AS model,
    'vendor-' || (i % 12) AS channel,
    'vendor-' || (i % 12) AS vendor,
    if(i % 3 = 0, 'USD', 'CNY') AS currency,
    i % 4 = 1 AS thinks,
    -- Pico-units per token: from 0.1 to 60 per million.
    100000 * greatest(1, 600 // (1 + i * i)) AS input_price,
    400000 * greatest(1, 600 // (1 + i * i)) AS output_price,
    10000 * greatest(1, 600 // (1 + i * i)) AS read_price,
    ['b' || (i * 3), 'b' || (i * 3 + 1), 'b' || (i * 3 + 2)] AS rate_ids
FROM range({OFFERS}) AS t(i)
"""  # noqa: S608 - a number of our own

_LINES_SQL = """
WITH numbers AS (
    SELECT i, $first + i AS n, i / $rows AS share FROM range($rows) AS t(i)
), drawn AS (
    SELECT
        i, n, share,
        -- Uniform on (0, 1), one of each call and purpose.
        (hash($seed + 8 * n + 0) >> 12) / 4503599627370496.0 AS u_offer,
        (hash($seed + 8 * n + 1) >> 12) / 4503599627370496.0 AS u_account,
        (hash($seed + 8 * n + 2) >> 12) / 4503599627370496.0 AS u_in,
        (hash($seed + 8 * n + 3) >> 12) / 4503599627370496.0 AS u_angle,
        (hash($seed + 8 * n + 4) >> 12) / 4503599627370496.0 AS u_cache,
        (hash($seed + 8 * n + 5) >> 12) / 4503599627370496.0 AS u_outcome,
        (hash($seed + 8 * n + 6) >> 12) / 4503599627370496.0 AS u_time,
        (hash($seed + 8 * n + 7) >> 12) / 4503599627370496.0 AS u_task
    FROM numbers
), shaped AS (
    SELECT
        *,
        -- Two normal deviates of two uniform ones (Box and Muller).
        sqrt(-2 * ln(u_in + 1e-16)) * cos(6.283185307 * u_angle) AS normal_in,
        sqrt(-2 * ln(u_in + 1e-16)) * sin(6.283185307 * u_angle) AS normal_out,
        -- A few accounts have most of the calls; each has few tasks, and a third of its calls
        -- name none.
        least(floor($accounts * u_account * u_account), $accounts - 1)::BIGINT AS account,
        if(u_task < 0.33, 0, 1 + floor(u_task * 4)::BIGINT) AS place,
        if(place = 0, '', 'task-' || ((account * 3 + place) % $tasks)) AS task,
        -- A task goes to three offers mostly, and by fallback and by hand to any.
        if(
            u_offer < 0.9,
            floor(u_offer * u_offer * 3)::BIGINT * 11 + account * 5 + place * 7,
            floor((u_offer - 0.9) * 10 * $offers)::BIGINT
        ) % $offers AS offer_number,
        -- More by day than by night: the day's lines lie on a bent axis of time.
        $day_ns + ((share + 0.12 * sin(6.283185307 * share) / 6.283185307) * 86400e9)::BIGINT
            + (u_time * 2e8)::BIGINT AS called_at_ns,
        CASE
            WHEN u_outcome < 0.955 THEN 'completed'
            WHEN u_outcome < 0.975 THEN 'rejected'
            WHEN u_outcome < 0.99 THEN 'client_gone'
            WHEN u_outcome < 0.999 THEN 'failed'
            ELSE 'uncertain'
        END AS outcome
    FROM drawn
), counted AS (
    SELECT
        shaped.*, offers.*,
        outcome IN ('completed', 'client_gone', 'uncertain') AS is_used,
        if(is_used, least(200000, 1 + exp(6.6 + 1.3 * normal_in))::BIGINT, 0) AS input_tokens,
        if(is_used, least(16000, 1 + exp(5.2 + 1.0 * normal_out))::BIGINT, 0) AS output_tokens,
        if(u_cache < 0.35, (input_tokens * u_cache * 2.2)::BIGINT // 64 * 64, 0)
            AS cache_read_tokens,
        if(u_cache > 0.95, ((input_tokens - cache_read_tokens) * 0.5)::BIGINT, 0)
            AS cache_write_tokens,
        if(thinks, (output_tokens * u_cache)::BIGINT, 0) AS reasoning_tokens,
        (u_outcome * 1e7)::BIGINT % 97 AS spin
    FROM shaped JOIN offers ON offers.number = offer_number
), priced AS (
    SELECT
        *,
        (
            (input_tokens - cache_read_tokens) * input_price
            + cache_read_tokens * read_price + output_tokens * output_price
        )::DECIMAL(18, 0) * 0.000000000001::DECIMAL(13, 12) AS paid
    FROM counted
)
SELECT
    18 AS incarnation,
    n AS sequence,
    if(u_time < 0.02, 2, 1) AS attempt,
    'attempt' AS kind,
    if(u_time < 0.02, 'retry', 'first') AS why,
    called_at_ns // 1000 AS called_at,
    called_at_ns,
    ($day_ns + (i // 13000) * 13000 * (86400000000000 // $rows)) // 1000 AS booked_at,
    $day_ns + (i // 13000) * 13000 * (86400000000000 // $rows) AS booked_at_ns,
    called_at_ns + 300000000 + (u_in * 5e9)::BIGINT AS settled_at_ns,
    'key_' || lpad(((account * 7 + spin % 5))::VARCHAR, 8, '0') AS key_id,
    'acc_' || lpad(account::VARCHAR, 8, '0') AS account_id,
    'acc_root/acc_dep' || (account % 12) || '/acc_' || lpad(account::VARCHAR, 8, '0')
        AS account_path,
    task,
    'openai_chat' AS door,
    model AS model_asked,
    offer, model, channel, vendor,
    $day - 20000 AS revision,
    outcome,
    CASE
        WHEN NOT is_used THEN 'none' WHEN outcome = 'completed' THEN 'reported' ELSE 'estimated'
    END AS usage_source,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
    is_used::BIGINT AS requests,
    input_tokens + 7 AS input_tokens_expected,
    4096 AS output_tokens_reserved,
    (input_tokens * input_price + 4096 * output_price)::DECIMAL(18, 0)
        * 0.000000000001::DECIMAL(13, 12) AS reserved,
    paid AS cost, paid AS charge,
    currency,
    if(is_used, rate_ids, []) AS rate_ids,
    []::VARCHAR[] AS exchange_ids,
    []::BIGINT[] AS lease_ids,
    []::DECIMAL(38, 0)[] AS lease_amounts,
    (200000 + u_in * 9e5)::BIGINT // 1000 * 1000 AS first_byte_us,
    (300000 + u_in * 5e6)::BIGINT // 1000 * 1000 AS total_us,
    if(outcome = 'rejected', 400, 200) AS status,
    model AS model_answered,
    '' AS vendor_call_id,
    if(outcome = 'completed', '', outcome) AS detail,
    if(is_used, 'stop', '') AS finish,
    spin % 2 = 0 AS is_stream
FROM priced
"""


def make(
    home: Path, lines: int, days: int = DAYS, on_day: Callable[[int], None] = lambda _: None
) -> int:
    """Write a ledger of so many lines; return its bytes.

    Args:
        home: An empty state folder; configuration, database and ledger come to be in it.
        lines: How many, at least one a day.
        days: Over how many booked days, from `FIRST_DAY` on; one part each.
        on_day: Called with the number of lines written so far.
    """
    folder = home / "ledger"
    folder.mkdir(parents=True)
    (home / "journal").mkdir()
    (home / "steelyard.yaml").write_text(config(), "utf-8")
    control = Control(Places(home, home / "run", 8080), {})
    control.places.runtime.mkdir()
    control.prepare()
    database = control.database
    bounds = [lines * number // days for number in range(days + 1)]
    size = 0
    # Drawing and writing both leave Python's lock alone, so two threads use two cores.
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(_write_day, folder, FIRST_DAY + number, begin, end - begin)
            for number, (begin, end) in enumerate(pairwise(bounds))
        ]
        for job, done in zip(jobs, bounds[1:], strict=True):
            part = job.result()
            with database.write() as connection:
                books.add_part(connection, part)
                books.close_days(connection, [part.day], part.made_at_ns)
            size += part.bytes
            on_day(done)
    control.close()
    return size


def _write_day(folder: Path, day: int, first: int, rows: int) -> books.Part:
    """Write one booked day's part, as a merge of the scribe's would; return its row."""
    asked = {"first": first, "rows": rows, "seed": SEED, "day": day, "day_ns": day * NS_PER_DAY}
    sizes = {"offers": OFFERS, "accounts": ACCOUNTS, "tasks": TASKS}
    with duckdb.connect(":memory:", config={"threads": "1"}) as connection:
        connection.execute(_OFFERS_SQL)
        found = connection.sql(_LINES_SQL, params={**asked, **sizes}).to_arrow_table()
    table = pa.table(
        [
            found[field.name].cast(field.type)
            if field.name in found.schema.names
            else pa.nulls(rows, field.type)  # what the newest lines may have beyond these
            for field in SCHEMA
        ],
        schema=SCHEMA,
    )
    name = f"day-{day:06d}{parts.SUFFIX}"
    parts.write_part(folder, name, _pieces(table))
    return parts.describe(folder, name, table, (day + 1) * NS_PER_DAY, level=2)


def _pieces(table: pa.Table) -> Iterator[pa.Table]:
    for begin in range(0, len(table), _MERGED_ROWS):
        yield table.slice(begin, _MERGED_ROWS)


def main() -> int:
    """Read the options and write the ledger."""
    parser = argparse.ArgumentParser(description="Write a ledger of realistic lines.")
    parser.add_argument("home", type=Path, help="state folder to make")
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=DAYS)
    options = parser.parse_args()
    began = time.monotonic()
    with Console(stderr=True).status("") as status:
        size = make(
            options.home, options.lines, options.days, lambda n: status.update(f"{n:,} lines")
        )
    seconds = time.monotonic() - began
    sys.stderr.write(f"{options.lines:,} lines, {size / 1e9:.2f} GB, {seconds:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
