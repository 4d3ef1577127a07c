"""Queues, each in processes of its own: this program's engine, others', and bare asyncpg.

All are measured by one program (`python -m bench.queues`), so that they are measured alike.
"""
