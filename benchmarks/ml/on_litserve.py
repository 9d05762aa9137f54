"""LitServe with its batching."""

# Without `from __future__ import annotations`: LitServe reads the annotation of decode_request as it is.
import os
import sys
from typing import Any

import joblib
import litserve
import pandas as pd
from fastapi import Request


class Titanic(litserve.LitAPI):  # type: ignore[misc]
    """One model."""

    def setup(self, device: str) -> None:
        self.model = joblib.load(os.environ["BENCH_MODEL"])

    def decode_request(self, request: Request) -> Any:
        return request  # its JSON, by now

    def batch(self, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return inputs

    def predict(self, rows: list[dict[str, Any]]) -> Any:
        return self.model.predict_proba(pd.DataFrame(rows))

    def unbatch(self, output: Any) -> list[Any]:
        return list(output)

    def encode_response(self, output: Any) -> dict[str, Any]:
        shares = output.tolist()
        return {"prediction": int(shares[1] > shares[0]), "probabilities": {"0": shares[0], "1": shares[1]}}


if __name__ == "__main__":
    server = litserve.LitServer(
        Titanic(max_batch_size=64, batch_timeout=0.002), accelerator="cpu", workers_per_device=1
    )
    server.run(port=int(sys.argv[1]), generate_client_file=False, log_level="warning", num_api_servers=1)
