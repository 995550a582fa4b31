"""The metrics that the alerts and the dashboard may name, with their labels beside those of the target."""

from __future__ import annotations

METRICS: dict[str, frozenset[str]] = {
    "astrolabe_build_info": frozenset({"version"}),
    "astrolabe_ready": frozenset(),
    "astrolabe_role": frozenset({"role"}),
    "astrolabe_state": frozenset({"state"}),
    "astrolabe_state_seconds": frozenset(),
    "astrolabe_gaps": frozenset({"reason"}),
    "astrolabe_graph_nodes": frozenset({"kind", "status"}),
    "astrolabe_problems": frozenset({"severity", "namespace"}),
    "astrolabe_graph_edges": frozenset({"type"}),
    "astrolabe_graph_unresolved_references": frozenset({"kind"}),
    "astrolabe_graph_seq": frozenset(),
    "astrolabe_history_changes": frozenset(),
    "astrolabe_history_bytes": frozenset(),
    "astrolabe_batches_total": frozenset(),
    "astrolabe_batch_changes_bucket": frozenset({"le"}),
    "astrolabe_batch_duration_seconds_bucket": frozenset({"le"}),
    "astrolabe_event_to_frame_seconds_bucket": frozenset({"le"}),
    "astrolabe_stream_connections": frozenset({"transport"}),
    "astrolabe_stream_opened_total": frozenset({"transport"}),
    "astrolabe_stream_messages_total": frozenset({"transport"}),
    "astrolabe_stream_sent_bytes_total": frozenset({"transport"}),
    "astrolabe_stream_subscriptions": frozenset(),
    "astrolabe_stream_resets_total": frozenset({"reason"}),
    "astrolabe_stream_slow_clients_total": frozenset({"outcome"}),
    "astrolabe_watch_state": frozenset({"kind", "state"}),
    "astrolabe_watch_connected": frozenset({"kind"}),
    "astrolabe_watch_last_event_timestamp_seconds": frozenset({"kind"}),
    "astrolabe_watch_skipped_objects": frozenset({"kind"}),
    "astrolabe_graph_rule_failures": frozenset({"kind"}),
    "astrolabe_graph_mends_total": frozenset(),
    "astrolabe_watch_events_total": frozenset({"kind"}),
    "astrolabe_watch_lists_total": frozenset({"kind"}),
    "astrolabe_watch_failures_total": frozenset({"kind"}),
    "astrolabe_watch_restarts_total": frozenset({"kind"}),
    "astrolabe_redis_reachable": frozenset(),
    "astrolabe_redis_alone": frozenset(),
    "astrolabe_redis_stale": frozenset(),
    "astrolabe_redis_lag_seconds": frozenset(),
    "astrolabe_redis_commits_total": frozenset(),
    "astrolabe_log_lines_dropped_total": frozenset(),
    "process_cpu_seconds_total": frozenset(),
    "process_open_fds": frozenset(),
    "process_resident_memory_bytes": frozenset(),
    # Prometheus' own.
    "up": frozenset(),
}

#: What Prometheus adds to all of them.
TARGET = frozenset({"job", "namespace", "instance"})
