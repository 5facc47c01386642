"""Writes a small history to standard output, as docs/history.md describes it.

    python3 emit.py > history.jsonl && tribunal analyze history.jsonl

A list stands for the system under test. What matters is around it: when times are taken, what is ok, fail and
info, what a process does after an info, and the consume-all pass at the end.
"""

import itertools
import json
import sys
import time

THREADS = 3  # a producer, a consumer, and the reader of the consume-all pass
KEY = "orders-0"

start = time.monotonic_ns()
index = itertools.count()


def record(process, type, f, value, **more):
    """One line. Call it before the client call (invoke), and after it returned (ok, fail, info)."""
    event = {"index": next(index), "time": time.monotonic_ns() - start, "process": process}
    event |= {"type": type, "f": f, "value": value}
    print(json.dumps(event | more, separators=(",", ":")))


class Refused(Exception):
    """The system says that it appended nothing: fail."""


class TimedOut(Exception):
    """No answer came: the record may or may not be there: info."""


log = []


def append(value):
    """The call into the client library."""
    if value == 3:
        raise Refused("not enough replicas in sync")
    log.append(value)
    if value == 5:
        raise TimedOut("no answer within 30 s")
    return len(log) - 1


def send(process, seq, value):
    """One send; the number under which this thread goes on."""
    asked = [["send", KEY, value]]
    record(process, "invoke", "send", asked, client=0, seq=seq)
    try:
        offset = append(value)
    except Refused as e:
        record(process, "fail", "send", asked, client=0, seq=seq, error=str(e))
    except TimedOut as e:
        record(process, "info", "send", asked, client=0, seq=seq, error=str(e))
        # This operation may still be under way: its process is retired.
        return process + THREADS
    else:
        record(process, "ok", "send", [["send", KEY, [offset, value]]], client=0, seq=seq)
    return process


def assign(process, **more):
    record(process, "invoke", "assign", [KEY], client=process, **more)
    record(process, "ok", "assign", [KEY], client=process, position={KEY: 0}, **more)


def poll(process, position, **more):
    """One poll from `position` on; the next one's position."""
    record(process, "invoke", "poll", [["poll"]], client=process, **more)
    records = [[position + i, value] for i, value in enumerate(log[position:])]
    position = len(log)
    if more:
        more["eof"] = [KEY]
    polled = [["poll", {KEY: records} if records else {}]]
    record(process, "ok", "poll", polled, client=process, position={KEY: position}, **more)
    return position


def main():
    producer, consumer, reader = range(THREADS)
    assign(consumer)
    position = 0
    outcome = {"label": "pause b", "nodes": ["b"], "bit": True, "evidence": "it does not answer"}
    for seq, value in enumerate(range(1, 7)):
        if value == 5:
            record("nemesis", "invoke", "pause", {"node": "b"}, fault=1)
            record("nemesis", "info", "pause", outcome, fault=1)
        producer = send(producer, seq, value)
        if value == 5:
            record("nemesis", "invoke", "heal", {"label": "pause b"}, fault=1)
            record("nemesis", "info", "heal", outcome | {"evidence": "it answers"}, fault=1)
        position = poll(consumer, position)
    # The consume-all pass: from the first offset to the end, and proof that the end was reached.
    assign(reader, final=True)
    record(reader, "invoke", "offsets", None, client=reader, final=True)
    bounds = {KEY: {"start": 0, "end": len(log)}}
    record(reader, "ok", "offsets", bounds, client=reader, final=True)
    poll(reader, 0, final=True)
    sys.stdout.flush()


main()
