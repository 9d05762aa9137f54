"""Each database's words, as a tree."""

from __future__ import annotations

from velox.db.advice.answers import from_mariadb, from_postgresql, from_sqlite
from velox.db.advice.plan import drawn


def test_sqlite_nests_by_parent() -> None:
    rows = [
        (2, 0, 0, "SCAN a"),
        (4, 0, 0, "SEARCH b USING COVERING INDEX ix_b (x=?)"),
        (9, 0, 0, "LIST SUBQUERY 1"),
        (11, 9, 0, "SCAN c USING INDEX ix_c"),
    ]
    plan = from_sqlite(rows, 1.5, 3)
    assert ["a"] == plan.scanned()
    assert {"ix_b", "ix_c"} == plan.indexes()
    assert drawn(plan) == [
        "SCAN a",
        "SEARCH b USING COVERING INDEX ix_b (x=?)",
        "LIST SUBQUERY 1",
        "└─ SCAN c USING INDEX ix_c",
        "1.50 ms, 3 rows",
    ]


def test_a_wrong_estimate_is_marked() -> None:
    """Rows and times of PostgreSQL are those of one round."""
    plan = from_postgresql(
        {
            "Plan": {
                "Node Type": "Nested Loop",
                "Plan Rows": 10,
                "Actual Rows": 30,
                "Actual Loops": 1,
                "Actual Total Time": 3.0,
                "Plans": [
                    {
                        "Node Type": "Index Scan",
                        "Index Name": "ix",
                        "Relation Name": "t",
                        "Index Cond": "(a = 1)",
                        "Plan Rows": 1,
                        "Actual Rows": 15,
                        "Actual Loops": 2,
                        "Actual Total Time": 1.0,
                    }
                ],
            },
            "Execution Time": 3.5,
        }
    )
    assert drawn(plan) == [
        "Nested Loop  [10 rows expected, 30 found]  3.00 ms",
        "└─ Index Scan using ix on t  (a = 1)  [2 rows expected, 30 found in 2 rounds (!)]  2.00 ms",
        "3.50 ms",
    ]


def test_mariadbs_tables_are_found_wherever_they_are() -> None:
    answer = {
        "query_block": {
            "filesort": {
                "sort_key": "t.a",
                "temporary_table": {"nested_loop": [{"table": {"table_name": "t", "access_type": "ALL", "rows": 5}}]},
            }
        }
    }
    assert drawn(from_mariadb(answer)) == ["sort  t.a", "└─ temporary table", "   └─ ALL on t  [5 rows expected]"]
    assert ["t"] == from_mariadb(answer).scanned()
