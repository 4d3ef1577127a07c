"""Runs the jobs: claims, heartbeats, pipelines, recovery."""
