"""What a program spends: runs it, and prints its CPU seconds and megabytes at its peak.

    python -I -S bench/spent.py SHOWN COMMAND…

It is a program of its own, and a small one, because a process counts as its peak also what the one
was that started it. With SHOWN the command runs on a terminal until it shows that.
"""

import os
import pty
import signal
import subprocess
import sys

shown, *command = sys.argv[1:]
if shown:
    terminal, end = pty.openpty()
    process = subprocess.Popen(command, stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    told = b""
    while shown.encode() not in told:
        told += os.read(terminal, 65_536)
    process.send_signal(signal.SIGKILL)
else:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read()
_, status, usage = os.wait4(process.pid, 0)
code = os.waitstatus_to_exitcode(status)
process.returncode = code
if not shown and code:
    sys.exit(f"{command} ended with {code}: {told.decode()}")
peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
print(usage.ru_utime + usage.ru_stime, peak)
