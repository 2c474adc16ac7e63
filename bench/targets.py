"""What each figure is held against: the state to reach now, and the goal. Shown, never enforced."""

from __future__ import annotations

from typing import NamedTuple


class Target(NamedTuple):
    """Two bounds of one figure, as they are printed."""

    now: str
    goal: str


TARGETS: dict[str, Target] = {
    "latency.p50_over_floor": Target("≤ 3", "≤ 2"),
    "latency.flash_p50_over_floor": Target("≤ 3", "≤ 2"),
    "wire.ip_bytes_per_dispatch_with_receipt": Target("≤ 680", "≤ 600"),
    "wire.ip_bytes_per_flash_with_receipt": Target("≤ 680", "≤ 640"),
    "frame.bytes_beyond_text": Target("≤ 110", "≤ 90"),
    "narrow.flash_75bps_over_floor": Target("≤ 1.5", "≤ 1.25"),
    "throughput.entries_per_s": Target("≥ 4000", "≥ 8000"),
    "catchup.over_pipelined": Target("≥ 0.5", "≥ 1"),
    "verify.share_of_raw_1": Target("≥ 0.65", "≥ 0.8"),
    "verify.share_of_raw_64": Target("", "≥ 0.5"),
    "growth.append_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "growth.receipt_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "growth.proof_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "growth.first_page_ratio_1e5": Target("≤ 2", "≤ 1.5 at 1e7"),
    "growth.page_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "growth.earlier_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "growth.desk_ratio_1e5": Target("≤ 1.2", "≤ 1.2 at 1e7"),
    "restart.ready_s": Target("≤ 1 at 1e5", "≤ 1 at any size"),
    "desks.beyond_line_ms": Target("≤ 150", "≤ 150"),
    "desks.beyond_line_p95_ms": Target("≤ 150", "≤ 100"),
    "desks.of_all_p99_over_one": Target("≤ 10", "≤ 5"),
}
