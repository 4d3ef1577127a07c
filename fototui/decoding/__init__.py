"""Strangers' pictures are decoded in processes of their own, which have limits and can be ended.

`workers` starts and uses these processes, `worker` is what runs in them, `limits` looks at a file
before any decoder does.
"""
