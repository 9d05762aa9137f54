"""A resource behind a real server: what clients at once, and clients that read a stream, see."""

from __future__ import annotations

import csv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from velox.testing import LiveServer

APPS = Path(__file__).parent.parent / "apps"


def test_a_shelf_on_a_socket(tmp_path: Path) -> None:
    """Bulk in, one winner of a race for a version, everything out as CSV and JSON lines."""
    environment = {
        "VELOX_ENV": "test",
        "VELOX_DATABASE_URL": f"sqlite:///{tmp_path}/shelves.db",
        "VELOX_CREATE_TABLES": "true",
    }
    with (
        LiveServer("shelves:create_app", directory=APPS, environment=environment) as server,
        httpx.Client(base_url=server.url, timeout=20) as http,
    ):
        for start in range(0, 500, 100):
            titles = [{"title": f"volume {n}, bound"} for n in range(start, start + 100)]
            assert http.post("/volumes/bulk", json={"create": titles}).status_code == 200
        tag = http.get("/volumes/7").headers["etag"]

        def rename(n: int) -> int:
            answer = httpx.patch(
                f"{server.url}/volumes/7", json={"title": f"mine {n}"}, headers={"If-Match": tag}, timeout=20
            )
            return answer.status_code

        with ThreadPoolExecutor(6) as pool:
            assert Counter(pool.map(rename, range(6))) == {200: 1, 412: 5}

        with http.stream("GET", "/volumes/export.csv?sort=-id") as answer:
            assert answer.headers["transfer-encoding"] == "chunked"
            rows = list(csv.DictReader(answer.iter_lines()))
        assert [int(row["id"]) for row in rows] == list(range(500, 0, -1))
        assert rows[0]["title"] == "volume 499, bound"
        assert http.head("/volumes/export.csv").status_code == 200
        assert len(http.get("/volumes/export.jsonl").text.splitlines()) == 500
