"""Spark and Flink, once, into ~/.cache/tidemill: each in an environment of its own (they want different versions of the same packages) from PyPI, with its
Kafka connector from Maven Central. Needs Java 17, Maven and, for Flink, a Python from 3.9 to 3.12."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tidemill"
# The newest versions that have a connector. Spark's jars are named one by one, since what its connector asks for is not all in Maven Central: the token
# provider (which nobody asks without Kerberos) is there only as an older version, and the others from elsewhere.
WANTED = {
    "spark": {
        "version": "4.2.0", "package": "pyspark==4.2.0",
        "jars": ["org.apache.spark:spark-sql-kafka-0-10_2.13:4.2.0", "org.apache.spark:spark-token-provider-kafka-0-10_2.13:4.0.0",
                 "org.apache.kafka:kafka-clients:3.9.2", "org.apache.commons:commons-pool2:2.13.1",
                 "org.scala-lang.modules:scala-parallel-collections_2.13:1.2.0"],
    },
    "flink": {"version": "2.2.1", "package": "apache-flink==2.2.1", "jars": ["org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"]},
}
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>peer-jars</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>{}</dependencies>
</project>
"""
JAR = """<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>
  <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>"""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


class Absent(Exception):
    """What an engine needs is not to be had."""


def engine(name):
    """The Python of an engine's environment, and its jars."""
    wanted = WANTED[name]
    home = CACHE / "peers" / f"{name}-{wanted['version']}"
    python, jars = home / "venv" / "bin" / "python", home / "jars"
    if not (home / "complete").exists():
        print(f"{name} {wanted['version']} is fetched, once, into {home}", flush=True)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        fetch([supported(), "-m", "venv", home / "venv"], home)
        fetch([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted["package"]], home)
        (home / "pom.xml").write_text(POM.format("".join(JAR.format(*jar.split(":")) for jar in wanted["jars"])))
        fetch(["mvn", "-q", "-B", "-ntp", "-f", home / "pom.xml", COPY, f"-DoutputDirectory={jars}"], home)
        (home / "complete").touch()
    return python, sorted(jars.glob("*.jar"))


def supported():
    """A Python that both engines run on."""
    for python in [sys.executable, "python3.11", "python3.12", "python3.10", "python3.9"]:
        asks = [python, "-c", "import sys, venv; sys.exit(not (3, 9) <= sys.version_info < (3, 13))"]
        if shutil.which(python) and subprocess.run(asks, capture_output=True).returncode == 0:
            return python
    raise Absent("there is no Python from 3.9 to 3.12, which Flink wants")


def fetch(command, home):
    if not shutil.which(command[0]):
        raise Absent(f"there is no {command[0]}")
    with open(home / "log", "ab") as log:
        if subprocess.run(list(map(str, command)), stdout=log, stderr=log).returncode:
            raise Absent(f"{' '.join(map(str, command))} failed, see {home / 'log'}")
