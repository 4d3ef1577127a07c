"""What must be true when the dust has settled."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from statistics import median

import asyncpg
import psutil

from chaos.world import World
from fototui.domain.statuses import VersionType

_IMAGES = """
SELECT i.id, i.file_ref, o.order_number FROM images i
JOIN line_items l ON l.id = i.line_item_id JOIN orders o ON o.id = l.order_id
WHERE l.quantity > 0 OR i.file_ref IS NOT NULL
"""
_VERSIONS = """
SELECT '{kind}' AS kind, id, image_id, status::text AS status, file_ref, submissions, resubmissions,
       takeovers, claimed_by, error_code, error
FROM {kind}_versions
"""
# An engine that does ten times the work may keep this much more.
_GROWTH = 40 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class Audit:
    """What was found after one scenario.

    Args:
        jobs: Versions and orders that there were.
        lost: Versions that ended otherwise than they should, without a reason that excuses it.
        stuck: Jobs that did not end.
        wrong_files: Finished versions whose file is missing, empty or another, and files of none.
        double_submissions: Accepted paid calls beyond the first for the same input.
        unexplained_double_submissions: Of these, calls that no row tells of.
        innocents_failed: Versions in an error that the scenario did not spoil.
        takeovers: Jobs taken from the dead.
        asked_twice: Versions cut off in a paid call by two deaths, of which an operator decided.
        faults: Everything else that should not be, in words.
    """

    jobs: int = 0
    lost: int = 0
    stuck: int = 0
    wrong_files: int = 0
    double_submissions: int = 0
    unexplained_double_submissions: int = 0
    innocents_failed: int = 0
    takeovers: int = 0
    asked_twice: int = 0
    recovery_seconds_p50: float = 0.0
    recovery_seconds_max: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        wrong = self.lost + self.stuck + self.wrong_files + self.innocents_failed
        return not (wrong or self.unexplained_double_submissions or self.faults)

    def as_dict(self) -> dict[str, object]:
        """For the report."""
        return asdict(self) | {"ok": self.ok}


async def audit(world: World, *, stuck: bool) -> Audit:
    """Look at everything after a scenario.

    Args:
        world: The scenario's world, whose processes have ended.
        stuck: Whether waiting for its end was given up.
    """
    found = Audit(asked_twice=world.asked_twice)
    async with world.connection() as connection:
        rows = [
            row
            for kind in VersionType
            for row in await connection.fetch(_VERSIONS.format(kind=kind))
        ]
        found.jobs = len(rows) + await connection.fetchval("SELECT count(*) FROM orders")
        found.stuck = await world.unfinished() if stuck else 0
        found.takeovers = sum(row["takeovers"] for row in rows)
        await _look_at_rows(world, connection, rows, found)
        photos = await _look_at_orders(connection, found)
        await _look_at_leftovers(world, connection, found)
    found.wrong_files = await asyncio.to_thread(_wrong_files, world, [*rows, *photos])
    _look_at_payments(world, rows, found)
    _look_at_processes(world, found)
    if world.recovery_seconds:
        found.recovery_seconds_p50 = round(median(world.recovery_seconds), 2)
        found.recovery_seconds_max = round(max(world.recovery_seconds), 2)
    return found


async def _look_at_rows(
    world: World, connection: asyncpg.Connection, rows: list[asyncpg.Record], found: Audit
) -> None:
    for row in rows:
        excused = (VersionType(row["kind"]), row["id"]) in world.excused
        if row["status"] == "completed":
            if row["file_ref"] in (None, "null"):
                found.lost += 1
            if row["error_code"] or row["error"]:
                found.faults.append(f"{row['kind']} {row['id']} is completed with a reason")
        elif row["status"] in ("error", "runpod_cancelled"):
            if not excused:
                found.innocents_failed += 1
                found.faults.append(f"{row['kind']} {row['id']}: {row['error']}")
        elif not found.stuck:
            found.lost += 1
        if row["claimed_by"] is not None:
            found.faults.append(f"{row['kind']} {row['id']} is claimed by nobody who lives")
    strange = await connection.fetchval(
        """
        SELECT count(*) FROM images i
        LEFT JOIN coloring_versions c ON c.id = i.selected_coloring_id
        LEFT JOIN svg_versions s ON s.id = i.selected_svg_id
        WHERE (i.selected_coloring_id IS NOT NULL
               AND (c.image_id <> i.id OR c.status <> 'completed'))
           OR (i.selected_svg_id IS NOT NULL AND (s.image_id <> i.id OR s.status <> 'completed'))
           OR (i.selected_coloring_id IS NULL AND i.coloring_chosen_at IS NULL AND EXISTS (
                SELECT FROM coloring_versions v WHERE v.image_id = i.id AND v.status = 'completed'))
        """
    )
    if strange:
        found.faults.append(f"{strange} images have a choice that cannot be")


async def _look_at_orders(connection: asyncpg.Connection, found: Audit) -> list[asyncpg.Record]:
    """No scenario spoils an order: each is ready, with all its photos, which are given back."""
    for row in await connection.fetch(
        "SELECT order_number, error FROM orders WHERE status='error'"
    ):
        found.innocents_failed += 1
        found.faults.append(f"order {row['order_number']}: {row['error']}")
    claimed = "SELECT order_number FROM orders WHERE claimed_by IS NOT NULL"
    for row in await connection.fetch(claimed):
        found.faults.append(f"order {row['order_number']} is claimed by nobody who lives")
    photos = await connection.fetch(_IMAGES)
    for row in photos:
        if row["file_ref"] in (None, "null") and not found.stuck:
            found.lost += 1
            found.faults.append(f"photo {row['id']} of order {row['order_number']} is not there")
    return [row for row in photos if row["file_ref"] not in (None, "null")]


async def _look_at_leftovers(world: World, connection: asyncpg.Connection, found: Audit) -> None:
    unread = await connection.fetchval(
        """
        SELECT count(*) FROM webhook_deliveries d
        WHERE d.payload IS NOT NULL AND NOT EXISTS (
            SELECT FROM orders o WHERE o.shopify_id = d.shopify_id
              AND (o.sync_requested_at IS NOT NULL OR o.status IN ('pending', 'processing')))
        """
    )
    if unread:
        found.faults.append(f"{unread} webhook payloads are unread though nothing asks for them")
    alive = await connection.fetchval("SELECT count(*) FROM engines WHERE retired_at IS NULL")
    # Those that were killed last are found dead only by an engine that outlives them.
    if alive > 4:
        found.faults.append(f"{alive} engines count as alive")
    others = await connection.fetchval(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
          AND application_name LIKE 'fototui engine%'
        """
    )
    if others:
        found.faults.append(f"{others} connections of ended engines are open")


def _wrong_files(world: World, rows: list[asyncpg.Record]) -> int:
    """Count finished rows without their file, and files under a version's key that no row has."""
    root, wrong, named = world.files, 0, set()
    for row in rows:
        ref = json.loads(row["file_ref"]) if row["file_ref"] else None
        if not ref:
            continue
        named.add(ref["key"])
        file = root / ref["key"]
        content = file.read_bytes() if file.is_file() else b""
        same = not ref.get("sha256") or hashlib.sha256(content).hexdigest() == ref["sha256"]
        wrong += not content or not same or ref.get("size", len(content)) != len(content)
    # Hidden files stand beside others: notes about them, and what a dead process had begun.
    visible = (f for f in root.rglob("*") if f.is_file() and not f.name.startswith("."))
    kept = {str(file.relative_to(root)) for file in visible}
    orphans = {key for key in kept - named if "/coloring/" in key or "/svg/" in key}
    return wrong + len(orphans)


def _look_at_payments(world: World, rows: list[asyncpg.Record], found: Audit) -> None:
    """Each photo is like no other, so a second call with one is a second payment for its image."""
    for kind, script in ((VersionType.COLORING, world.runpod), (VersionType.SVG, world.vectorizer)):
        told: Counter[int] = Counter()
        versions = 0
        for row in rows:
            if row["kind"] == kind and row["submissions"]:
                told[row["image_id"]] += row["submissions"]
                versions += 1
        # A second version of an image is asked for, and no double.
        asked_for = versions - len(told)
        found.double_submissions += max(0, script.counts.duplicates - asked_for)
        # Which input belongs to which image is not told; if sorted calls fit under sorted counts,
        # every call can be one that a row tells of.
        calls = sorted(script.counts.payloads.values(), reverse=True)
        counted = sorted(told.values(), reverse=True) + [0] * len(calls)
        found.unexplained_double_submissions += sum(
            max(0, made - known) for made, known in zip(calls, counted, strict=False)
        )


def _look_at_processes(world: World, found: Audit) -> None:
    if world.processes.bad_exits:
        found.faults.append(f"processes ended with {sorted(set(world.processes.bad_exits))}")
    logs = str(world.folder / "logs")
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and child.cwd() == logs:
                found.faults.append(f"a process was left: {' '.join(child.cmdline()[:4])}")
        except psutil.Error:
            continue
    if len(world.memory) > 20:
        early, late = world.memory[len(world.memory) // 4], world.memory[-1]
        if late > early + _GROWTH:
            found.faults.append(f"memory grew from {early >> 20} to {late >> 20} MB")
