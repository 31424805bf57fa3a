"""500 MB from loopback with sha256, beside a bare http.client loop; exits with 1 when a limit is passed.

Run: python benchmarks/download.py [runs]
Limits: wall at most 1.25 x the bare loop (readinto and hashlib, nothing written), peak below 60 MB. The file is served
from seeded bytes in the page cache by a child process. `bring` is the library alone; `zoo pull` is the whole command
with its registries. All three are whole processes, started in turn; the bytes that ours write are on the disk when
they end (fsync), the bare loop writes none. Three processes share the cores: on a machine that has fewer than three
free ones, compare the processor seconds as well.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Figures, measure_in_turn, report

SIZE, RATIO, PEAK_BYTES = 500_000_000, 1.25, 60_000_000
SERVER = """
import http.server, os, sys
path = sys.argv[1]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        size = os.path.getsize(path)
        self.send_response(200)
        for name, value in (("Content-Length", str(size)), ("ETag", '"v1"'), ("Accept-Ranges", "bytes")):
            self.send_header(name, value)
        self.end_headers()
        with open(path, "rb") as stream:
            self.connection.sendfile(stream)
    def log_message(self, *_arguments):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""
BARE = """
import hashlib, http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("GET", "/net")
response, digest, buffer = connection.getresponse(), hashlib.sha256(), memoryview(bytearray(1 << 20))
while count := response.readinto(buffer):
    digest.update(buffer[:count])
assert digest.hexdigest() == sys.argv[2]
"""
BRING = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from puller import main
sys.exit(main(sys.argv[1], sys.argv[2]))
"""


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = Path(os.environ.get("ZOO_BENCH") or Path(tempfile.gettempdir()) / "zoo-bench")
    folder.mkdir(parents=True, exist_ok=True)
    body, sha256 = _body(folder)
    with subprocess.Popen([sys.executable, "-c", SERVER, str(body)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        try:
            figures = _measure(folder, port, sha256, runs)
        finally:
            server.kill()
    shutil.rmtree(folder / "store", ignore_errors=True)
    print(report(figures))
    bare = figures["http.client + sha256"]
    for name in ("bring", "zoo pull"):
        taken = figures[name]
        print(
            f"{name}: {taken.wall / bare.wall:.2f} x the bare loop in the median, {taken.best / bare.best:.2f} x "
            f"in the best run of each (limit {RATIO}), "
            f"peak {taken.rss_bytes / 1e6:.0f} MB (limit {PEAK_BYTES / 1e6:.0f})"
        )
    peak = max(figures["bring"].rss_bytes, figures["zoo pull"].rss_bytes)
    return int(figures["bring"].wall > RATIO * bare.wall or peak > PEAK_BYTES)


def _measure(folder: Path, port: str, sha256: str, runs: int) -> dict[str, Figures]:
    registry, store = folder / "registry.yaml", folder / "store"
    registry.write_text(_registry(f"http://127.0.0.1:{port}/net", sha256), encoding="utf-8")
    support = Path(__file__).resolve().parents[1] / "tests" / "support"
    commands = {
        "http.client + sha256": [sys.executable, "-c", BARE, port, sha256],
        "bring": [sys.executable, "-c", BRING, str(registry), str(store), str(support)],
        "zoo pull": [sys.executable, "-m", "zoo", "pull", "bench@onnx"],
    }
    settings = os.environ | {"ZOO_HOME": str(store), "ZOO_REGISTRY": str(registry)}
    return measure_in_turn(commands, runs, before=lambda: _forget(store), env=settings)


def _forget(store: Path) -> None:
    """Remove what was brought; parsed registries stay, as they do between two pulls of a user."""
    for name in ("objects", "verified", "models", "index", "staging"):
        shutil.rmtree(store / "v1" / name, ignore_errors=True)


def _body(folder: Path) -> tuple[Path, str]:
    """The file, made once, and its sha256."""
    import hashlib
    import random

    path, digest, chance = folder / f"download-{SIZE}.bin", hashlib.sha256(), random.Random(8)
    if not path.exists() or path.stat().st_size != SIZE:
        with path.open("wb") as stream:
            for _piece in range(SIZE // 1_000_000):
                stream.write(chance.randbytes(1_000_000))
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return path, digest.hexdigest()


def _registry(url: str, sha256: str) -> str:
    row = {
        "id": "bench@onnx", "family": "bench", "architecture": "bench", "task": "bench", "publisher": "bench",
        "licence": {"published": "none", "commercial": "unknown"}, "facts": ["the benchmark"],
        "files": [{
            "role": "model", "name": "net.onnx", "size": SIZE, "mirrors": [{"url": url}],
            "checksums": [{"alg": "sha256", "value": sha256, "origin": "the benchmark"}],
        }],
    }  # fmt: skip
    return json.dumps({"version": 1, "entries": [row]})


if __name__ == "__main__":
    sys.exit(main())
