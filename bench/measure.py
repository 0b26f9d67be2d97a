"""Runs a command and says what it took: wall time, CPU time and peak memory of all its processes, and of a server beside it.

Needs Linux and nothing but Python. Peak memory is what the processes hold together, shared memory counted once, looked at ten times a second; for a command of
one process it is the kernel's own high-water mark.
"""
import os
import platform
import signal
import subprocess
import threading
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
INTERVAL_S = 0.1


def measure(command, *, log, env=None, limit_s=None, cores=None, server=None, cwd=None):
    """Runs `command` to its end or the limit. `cores` are CPU numbers to keep to; `server` is the process id of a database's first process, whose use of
    CPU and memory during the run is added. Output goes to the file `log`."""
    if not os.path.exists("/proc/thread-self/children"):
        raise OSError("this kernel does not tell a process's children (/proc/PID/task/TID/children), so that nothing can be measured")
    if cores is not None:
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    server_cpu = tree_cpu_s(server) if server else 0.0
    load = os.getloadavg()[0]
    stopped = threading.Event()
    started = time.perf_counter()
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True)

    def stop():
        stopped.set()
        os.killpg(process.pid, signal.SIGKILL)
    timer = threading.Timer(limit_s, stop) if limit_s else None
    watched = Watched(process.pid, server)
    try:
        if timer:
            timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        if timer:
            timer.cancel()
        peak = watched.stop()
    if not server and usage.ru_maxrss * 1024 > memory("self")["VmHWM"]:
        peak = max(peak, usage.ru_maxrss * 1024)    # below our own mark it says nothing: the kernel counts from before the child became another program
    cpu_s = usage.ru_utime + usage.ru_stime + (tree_cpu_s(server) - server_cpu if server else 0.0)
    return {
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "peak_mb": round(peak / 1e6),
        "exit": process.returncode,
        "stopped": stopped.is_set(),
        "load_before": round(load, 2),
    }


class Watched:
    """A thread that looks at the memory of a run's processes until it is told to stop."""

    def __init__(self, pid, server):
        self.pid, self.server, self.peak = pid, server, 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        while True:
            family = [memory(pid) for pid in tree(self.pid) + (tree(self.server) if self.server else [])]
            if len(family) == 1:
                now = family[0]["VmHWM"]
            else:
                now = sum(m["RssAnon"] for m in family) + max((m["RssShmem"] for m in family), default=0) + max((m["RssFile"] for m in family), default=0)
            self.peak = max(self.peak, now)
            if self.done.wait(INTERVAL_S):
                return

    def stop(self):
        """Peak memory in bytes."""
        self.done.set()
        self.thread.join()
        return self.peak


def memory(pid):
    """Bytes by the names of /proc/PID/status; zeros when the process is gone."""
    found = dict.fromkeys(("VmHWM", "RssAnon", "RssFile", "RssShmem"), 0)
    try:
        with open(f"/proc/{pid}/status") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name in found:
                    found[name] = int(value.split()[0]) * 1024
    except OSError:
        pass
    return found


def tree(root):
    """The process and its descendants, now."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        found.append(pid)
        for task in tasks:
            try:
                todo += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except OSError:
                pass
    return found


def tree_cpu_s(root):
    """CPU seconds of a living process, of its children that have ended, and of its living descendants."""
    ticks = 0
    for pid in tree(root):
        fields = stat(pid)
        if fields:
            ticks += sum(int(x) for x in fields[11:15])     # its own user and system time, and those of children it has waited for
    return ticks / TICKS


def stat(pid):
    """The fields of /proc/PID/stat after the name (which may hold anything); none when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def warm(path):
    """Reads a file or a directory's files once, so that all who come after find them in the page cache."""
    path = Path(path)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with open(file, "rb") as f:
                while f.read(1 << 24):
                    pass


def machine():
    """What the figures were taken on."""
    cpu, memory = platform.processor() or platform.machine(), 0
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
        for line in open("/proc/meminfo"):
            if line.startswith("MemTotal:"):
                memory = round(int(line.split()[1]) / 2**20)
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": cpu, "cores": cores, "memory_gb": memory, "system": f"{platform.system()} {platform.release()}"}


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def print_table(head, rows):
    rows = [[str(v) for v in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * w for w in widths], *rows]:
        print("  ".join(v.ljust(widths[i]) if i == 0 else v.rjust(widths[i]) for i, v in enumerate(row)).rstrip())
