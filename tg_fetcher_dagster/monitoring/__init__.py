"""Beside the flow: logs, metrics, health."""
