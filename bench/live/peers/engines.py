"""How each engine is started, how far it is, what its result is, and when it showed each message."""
import bisect
import csv
import io
import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import install

HERE = Path(__file__).resolve().parent


def minute(text):
    """A window's start as seconds, however an engine writes it."""
    at = datetime.fromisoformat(text.replace(" UTC", "").replace("Z", "+00:00"))
    return int((at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp())


def number(text):
    return None if text in ("", "null", "None") else float(text)


class Tidemill:
    """Keeps all rows besides, raw and clean, in Delta tables; the others only have their result and a checkpoint. What drains the topic begins where a
    project stands that has seen the first rows, so that everything after them goes through the live view."""

    def __init__(self, a):
        self.program, self.env = a.tidemill, {**os.environ, "KAFKA_BOOTSTRAP": a.brokers}
        self.version = subprocess.run([a.tidemill, "--version"], capture_output=True, text=True).stdout.split()[-1]

    def prepare(self, work):
        """When only the first rows are in the topic."""
        self.begun = self.begin("readings", work / "begun")

    def begin(self, topic, out):
        project = self.project(topic, out)
        if self.ask(out, "run", "--quiet") is None:
            raise OSError(f"the first rows of {topic} could not be read")
        return project

    def project(self, topic, out):
        shutil.copytree(HERE.parent / "project", out / "project", ignore=shutil.ignore_patterns("broken.sql", "lake"))
        table = out / "project" / "tables" / "readings.toml"
        table.write_text(table.read_text().replace('topic = "readings"', f'topic = "{topic}"'))
        return out / "project"

    def command(self, mode, topic, out):
        if mode == "drain":
            return [self.program, "-C", shutil.copytree(self.begun, out / "project"), "serve", "--headless", "--until-caught-up"]
        self.begin(topic, out)
        return [self.program, "-C", out / "project", "serve", "--headless"]

    def ask(self, out, *words):
        done = subprocess.run([self.program, "-C", out / "project", *words], env=self.env, capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    def ready(self, out):
        return self.ask(out, "top", "--once") is not None

    def seen(self, out):
        answer = self.ask(out, "query", "--format", "csv", "SELECT sum(readings) AS n FROM per_minute")
        return int(float(answer.split()[-1])) if answer and answer.split()[-1] != "n" else 0

    def stop(self, out, process):
        self.top = json.loads(self.ask(out, "top", "--once", "--format", "json"))
        self.rows = self.result(out)
        process.terminate()

    def result(self, out):
        answer = self.ask(out, "query", "--format", "csv", "SELECT window_start, status, readings, mean, greatest FROM per_minute")
        return {(minute(row[0]), row[1]): tuple(map(number, row[2:])) for row in list(csv.reader(io.StringIO(answer or "")))[1:]}

    def work_s(self, out):
        """As it says itself; only to a tenth of a second."""
        told = re.search(r"served for ([\d.]+) (ms|s),", (out / "log").read_text(errors="replace"))
        return float(told[1]) / (1000 if told[2] == "ms" else 1) if told else None

    def latency(self, out, messages, begin):
        """Tidemill's own figures, from the message's time to when a query sees the result, of all rows since it was started."""
        view = next(v for v in self.top["live_views"] if v["view"].endswith("per_minute"))
        return {"p50": view["latency_ms_p50"], "p99": view["latency_ms_p99"], "most": view["latency_ms_max"]}


class TidemillFirst(Tidemill):
    """All of the topic by a project that has seen nothing: raw rows are taken in, then the rest is built as a run does it."""

    def prepare(self, work):
        pass

    def command(self, mode, topic, out):
        return [self.program, "-C", self.project(topic, out), "serve", "--headless", "--until-caught-up"]


class Jvm:
    def __init__(self, a):
        self.name = type(self).__name__.lower()
        self.python, self.jars = install.engine(self.name)
        self.version, self.brokers = install.WANTED[self.name]["version"], a.brokers
        # 2 GB for each JVM: Spark has it from its own setting, Flink's process takes it from here.
        self.env = {**os.environ, "JVM_ARGS": "-Xmx2g", "PYSPARK_PYTHON": str(self.python), "SPARK_LOCAL_IP": "127.0.0.1",
                    "SPARK_LOCAL_DIRS": str(a.work)}

    def command(self, mode, topic, out):
        return [self.python, HERE / f"{self.name}.py", mode, self.brokers, topic, out, ",".join(map(str, self.jars))]

    def prepare(self, work):
        pass

    def ready(self, out):
        return True     # whenever it is, it reads its topic from the beginning; rows that come before those that count wait for it

    def stop(self, out, process):
        (out / "stop").touch()

    def work_s(self, out):
        return json.loads((out / "report.json").read_text())["work_s"]


class Spark(Jvm):
    def seen(self, out):
        return int(([0] + re.findall(r"^seen (\d+)$", (out / "log").read_text(errors="replace"), re.M))[-1])

    def result(self, out):
        return {(int(row[0]), row[1]): tuple(map(number, row[2:])) for row in csv.reader(open(out / "result.csv"))}

    def latency(self, out, messages, begin):
        """A message is seen when the batch that ends behind it has become part of the result."""
        batches = json.loads((out / "report.json").read_text())["batches"]
        ends = {partition: [end[str(partition)] for _, end in batches] for partition in {p for p, _, _ in messages}}
        return quantiles((batches[bisect.bisect_right(ends[partition], offset)][0] - sent) * 1000 for partition, offset, sent in messages if sent >= begin)


class Flink(Jvm):
    def changes(self, out):
        """Rows that it printed, the newest state of a group last."""
        with open(out / "log", errors="replace") as log:
            for line in log:
                if found := re.match(r"\d+> \+[IU]\[(.*)\]$", line):
                    yield found[1].split(", ")

    def seen(self, out):
        return (out / "log").read_bytes().count(b"> +")     # while live, one for each message

    def result(self, out):
        return {(minute(row[0]), row[1]): tuple(map(number, row[2:5])) for row in self.changes(out)}

    def latency(self, out, messages, begin):
        """Each printed row tells the message it is of, and when it was printed."""
        return quantiles((seen - sent) * 1000 for sent, seen in ((instant(row[5]), instant(row[6])) for row in self.changes(out)) if sent >= begin)


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def quantiles(waits):
    waits = sorted(waits)
    return {"p50": waits[len(waits) // 2], "p99": waits[int(len(waits) * 0.99)], "most": waits[-1], "rows": len(waits)}


ENGINES = {"tidemill": Tidemill, "tidemill-first": TidemillFirst, "spark": Spark, "flink": Flink}
