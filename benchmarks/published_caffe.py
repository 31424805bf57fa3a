"""Published prototxts, a folder of them: how many convert, how many a real framework confirms, and every refusal.

Run: python benchmarks/published_caffe.py FOLDER RESULTS    any number of processes at a time; what is done is kept
     python benchmarks/published_caffe.py --report RESULTS
FOLDER holds one folder a repository. Files are told apart by what they hold, not by their names; each is read with
seeded weights (`--init 0`), run in ONNX Runtime and in the first of caffe, caffe-ssd and OpenCV that takes it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock, Timeout

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))
from published_nets import tried  # noqa: E402 - the path comes first


def digest(path: Path) -> str:
    """Of the structure: comments, spaces and the network's own name do not count."""
    text = re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8", errors="replace"))
    return hashlib.sha256(re.sub(r'^\s*name\s*:\s*"[^"]*"|\s+', "", text).encode()).hexdigest()[:16]


def run(folder: Path, results: Path) -> None:
    """Try every network that has no result yet and that no other process is busy with."""
    results.mkdir(parents=True, exist_ok=True)
    unique: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.rglob("*.prototxt")):
        unique[digest(path)].append(path)
    index = {key: [str(path.relative_to(folder)) for path in paths] for key, paths in unique.items()}
    (results / "index.json").write_text(json.dumps(index, indent=1))
    for key in _in_turn({key: paths[0].parent for key, paths in unique.items()}):
        paths = unique[key]
        out = results / f"{key}.json"
        try:
            with FileLock(results / f"{key}.lock", timeout=0):
                if not out.exists():
                    print(paths[0].relative_to(folder), end=": ", flush=True)
                    record = tried(paths[0]).document()
                    part = out.with_suffix(".part")
                    part.write_text(json.dumps(record, indent=1))
                    part.replace(out)
                    print(record["verdict"], flush=True)
        except Timeout:
            continue


def _in_turn(folders: Mapping[str, Path]) -> list[str]:
    """One of each repository, then another of each: a trial that is stopped has seen them all."""
    seen: Counter[Path] = Counter()
    turns = {}
    for key, folder in sorted(folders.items(), key=lambda item: item[1]):
        turns[key] = (seen[folder], folder)
        seen[folder] += 1
    return sorted(turns, key=lambda key: turns[key])


def report(results: Path) -> None:
    """The counts, then every refusal's reason with the number of networks, then every difference."""
    index = json.loads((results / "index.json").read_text())
    records = {path.stem: json.loads(path.read_text()) for path in results.glob("*.json") if path.stem in index}
    repositories = {name.split("/")[0] for names in index.values() for name in names}
    print(f"{sum(map(len, index.values()))} files of {len(repositories)} repositories, {len(index)} different ones")
    verdicts = Counter(record["verdict"] for record in records.values())
    print("\n".join(f"  {count:5} {verdict}" for verdict, count in verdicts.most_common()))
    print("judges:", dict(Counter(record["judge"] for record in records.values() if record["judge"])))
    reasons = Counter(line for record in records.values() if record["verdict"] == "refused" for line in _causes(record))
    print("\nreasons of refusals (networks):")
    print("\n".join(f"  {count:4} {reason}" for reason, count in reasons.most_common()))
    for key, record in sorted(records.items(), key=lambda item: item[1]["file"]):
        if record["verdict"] in ("differs", "bug"):
            worst = max(record["errors"].values(), default=0)
            print(f"\n{record['verdict']} {worst:.1e} {record['judge']} {index[key][0]} {record['reasons'][:1]}")


def _causes(record: dict[str, list[str]]) -> set[str]:
    """Each reason once, without the names and numbers of the one network."""
    lines = record["reasons"][1:] or record["reasons"]
    return {re.sub(r"\s+\d+x\s.*|layer \"[^\"]*\"|line \d+|\d+", "", line).strip()[:160] for line in lines}


if __name__ == "__main__":
    if sys.argv[1] == "--report":
        report(Path(sys.argv[2]))
    else:
        run(Path(sys.argv[1]), Path(sys.argv[2]))
