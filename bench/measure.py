"""Runs a command and says what it took: wall time, CPU time and peak memory of all its processes, and of a server beside it.

Needs Linux and nothing but Python. Peak memory is what the processes hold together (shared pages counted once), looked at ten times a second; for a
command of one process it is the kernel's own high-water mark. (The maximum that `wait` reports would include the memory of this program, which the child
shares before it becomes another one.)
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
    if cores is not None:
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    server_cpu = tree_cpu_s(server) if server else 0.0
    load = os.getloadavg()[0]
    started = time.perf_counter()
    with open(log, "wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env, cwd=cwd, start_new_session=True)
    watched = Watched(process.pid, server)
    stopped = False
    try:
        while True:
            try:
                process.wait(timeout=None if limit_s is None else max(0.0, limit_s - (time.perf_counter() - started)))
                break
            except subprocess.TimeoutExpired:
                stopped = True
                os.killpg(process.pid, signal.SIGKILL)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        wall_s = time.perf_counter() - started
        peak, client_cpu = watched.stop()
    cpu_s = client_cpu + (tree_cpu_s(server) - server_cpu if server else 0.0)
    return {
        "wall_s": round(wall_s, 3),
        "cpu_s": round(cpu_s, 3),
        "peak_mb": round(peak / 1e6),
        "exit": process.returncode,
        "stopped": stopped,
        "load_before": round(load, 2),
    }


class Watched:
    """A thread that looks at the processes of a run until it is told to stop."""

    def __init__(self, pid, server):
        self.pid, self.server = pid, server
        self.peak, self.cpu = 0, {}
        self.done = threading.Event()
        self.before = os.times()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        look = 0
        while True:
            self._look(exact=look % 5 == 0)     # shared pages take the kernel time to tell apart: not with every look
            look += 1
            if self.done.wait(INTERVAL_S):
                return

    def _look(self, exact):
        family, server = tree(self.pid), tree(self.server) if self.server else []
        alone = len(family) == 1 and not server
        total = 0
        for pid in family + server:
            if alone:
                total += high_water(pid)
            elif exact or server:
                total += proportional(pid)
            else:
                total += resident(pid)
        self.peak = max(self.peak, total)

    def stop(self):
        """Peak memory in bytes, and the CPU seconds of the command and all of its children that were waited for."""
        self.done.set()
        self.thread.join()
        after = os.times()
        spent = (after.children_user + after.children_system) - (self.before.children_user + self.before.children_system)
        return self.peak, spent


def tree(root):
    """The process and its descendants, now."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat(int(entry))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        if stat(pid):
            found.append(pid)
            todo.extend(parents.get(pid, []))
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


def high_water(pid):
    return status(pid, "VmHWM:")


def resident(pid):
    return status(pid, "VmRSS:")


def proportional(pid):
    """Memory of a process with each shared page counted in equal parts by those who share it."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as lines:
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def status(pid, key):
    try:
        with open(f"/proc/{pid}/status") as lines:
            for line in lines:
                if line.startswith(key):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


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
