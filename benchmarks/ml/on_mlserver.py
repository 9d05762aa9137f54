"""MLServer with its adaptive batching, the model in the server's own process."""

from __future__ import annotations

import os
import socket
import sys

from mlserver.cli import main

if __name__ == "__main__":
    port, folder = sys.argv[1:]
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        free = {"GRPC": one.getsockname()[1], "METRICS": other.getsockname()[1], "HTTP": int(port)}
    os.environ |= {f"MLSERVER_{name}_PORT": str(number) for name, number in free.items()}
    os.environ |= {"MLSERVER_HOST": "127.0.0.1", "MLSERVER_PARALLEL_WORKERS": "0", "MLSERVER_DEBUG": "false"}
    sys.argv = ["mlserver", "start", folder]
    main()
