"""Runs AI agents on schedules in Kubernetes, within limits decided beforehand."""
