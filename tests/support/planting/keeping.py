"""Parts of the score on the disk, so that a run that was stopped goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path

from planting.conversions.result import Converted
from planting.detectors import Detected
from planting.scoring import Alarms, Planted, Score


@dataclass
class Part:
    """What one task found."""

    score: Score = field(default_factory=Score)
    alarms: Alarms = field(default_factory=Alarms)
    large: bool = False
    converted: list[Converted] = field(default_factory=list)
    detected: Detected = field(default_factory=Detected)

    @property
    def said(self) -> str:
        """In a few words."""
        seen = sum(row.seen for row in self.score.rows)
        words = [f"{seen} of {len(self.score.rows)} faults seen"] if self.score.rows else []
        words += [f"{len(self.alarms.red)} alarms in {self.alarms.runs} harmless runs"] if self.alarms.runs else []
        if self.detected.rows:
            seen, many = sum(row[3] for row in self.detected.rows), len(self.detected.rows)
            harmless = f"{len(self.detected.red)} alarms in {self.detected.runs} harmless runs"
            words.append(f"{seen} of {many} faults seen, {harmless}")
        words += [f"{one.mistake}: {'differs' if one.seen else 'agrees'}" for one in self.converted]
        return ", ".join(words)


def keep(place: Path, task: Sequence[str], part: Part) -> None:
    """Whole or not at all."""
    path = _file(place, task)
    whole = path.with_suffix(".part")
    alarms = {"kinds": dict(part.alarms.kinds), "worst": part.alarms.worst, "red": part.alarms.red,
              "networks": part.alarms.networks}  # fmt: skip
    held = {
        "score": asdict(part.score),
        "alarms": alarms,
        "large": part.large,
        "converted": [asdict(one) for one in part.converted],
        "detected": asdict(part.detected),
    }
    whole.write_text(json.dumps(held, default=lambda number: number.item()), encoding="utf-8")
    whole.replace(path)


def kept(place: Path, task: Sequence[str]) -> Part | None:
    """What was kept of a task."""
    path = _file(place, task)
    if not path.is_file():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    rows = [Planted(**{**row, "causes": row["causes"] and tuple(row["causes"])}) for row in held["score"]["rows"]]
    alarms = Alarms(
        Counter(held["alarms"]["kinds"]), held["alarms"]["worst"], held["alarms"]["red"], held["alarms"]["networks"]
    )
    found = {**held["detected"], "rows": [tuple(row) for row in held["detected"]["rows"]]}
    converted = [Converted(**one) for one in held["converted"]]
    return Part(Score(rows), alarms, held["large"], converted, Detected(**found))


def _file(place: Path, task: Sequence[str]) -> Path:
    return place / f"{sha256(' '.join(task).encode()).hexdigest()[:16]}.json"
