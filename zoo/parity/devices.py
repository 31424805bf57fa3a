"""`--device`: backends that can compute on it do, the others stay where they are, and nobody falls back in silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from zoo.backends.card import Card
from zoo.backends.exchange import Failed, Job, Reply
from zoo.diagnostics import UsageFault
from zoo.parity.plan import Plan
from zoo.parity.running import Runner


def demand(device: str, plan: Plan, cards: Sequence[Card]) -> None:
    """Refuses a device that no backend knows, or none of those that are to run."""
    able = [card.name for card in cards if device in card.devices]
    if not able:
        known = sorted({name for card in cards for name in card.devices})
        raise UsageFault("device", f"no backend computes on {device}", hint=f"devices: {', '.join(known)}")
    if not any(device in run.card.devices for run in plan.runs):
        raise UsageFault("device", f"nothing here would run on {device}", hint=f"backends that can: {', '.join(able)}")


def on(device: str, run: Runner) -> Runner:
    """The runner with that device's options for every backend that has them; a refusal of theirs is a failure."""

    def placed(card: Card, jobs: Sequence[Job], stop: Callable[[], bool]) -> Sequence[Reply | Failed]:
        options = card.devices.get(device)
        if options is None:
            return run(card, jobs, stop)
        moved = [replace(job, options={**job.options, **options}) for job in jobs]
        return [_insisted(answer, device) for answer in run(card, moved, stop)]

    return placed


def _insisted(answer: Reply | Failed, device: str) -> Reply | Failed:
    if isinstance(answer, Failed) and answer.reason == "refused":
        return Failed("failed", f"on {device}: {answer.detail}")
    return answer
