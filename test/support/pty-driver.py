"""Runs a command on a pseudo terminal and answers its prompts. Plan in JSON on stdin, result in JSON on stdout."""

import json
import os
import pty
import re
import select
import signal
import sys
import termios
import time

plan = json.load(sys.stdin)
deadline = time.monotonic() + plan["timeoutSeconds"]
pid, terminal = pty.fork()
if pid == 0:
    try:
        os.execvp(plan["command"][0], plan["command"])
    finally:
        os._exit(127)

screen = b""
answers = list(plan["answers"])
seen = 0
while True:
    if time.monotonic() > deadline:
        os.kill(pid, signal.SIGKILL)
        sys.exit("timed out; waiting for %r; screen:\n%s" % (answers[:1], screen.decode(errors="replace")))
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if ready:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # Linux: the other side is closed
            chunk = b""
        if not chunk:
            break
        screen += chunk
    if answers:
        match = re.search(answers[0]["when"], screen[seen:].decode(errors="replace"))
        if match:
            # A person types after the program turned echo off; so wait until the terminal's settings rest.
            before = None
            while before != (before := termios.tcgetattr(terminal)[3]):
                time.sleep(0.05)
            seen = len(screen)
            os.write(terminal, answers.pop(0)["send"].encode())

_, status = os.waitpid(pid, 0)
code = os.waitstatus_to_exitcode(status)
json.dump({"code": code if code >= 0 else 128 - code, "screen": screen.decode(errors="replace").replace("\r\n", "\n"), "unused": len(answers)}, sys.stdout)
