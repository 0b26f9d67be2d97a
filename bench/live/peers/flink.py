"""The windowed aggregation by Flink SQL: flink.py drain|live BROKERS TOPIC OUT JARS. Rows of the result are printed as they change."""
import json
import sys
import time
from pathlib import Path

from pyflink.table import EnvironmentSettings, TableEnvironment

mode, brokers, topic, out, jars = sys.argv[1:]
out = Path(out)
flink = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
for key, value in {
    "pipeline.jars": ";".join(f"file://{jar}" for jar in jars.split(",")), "parallelism.default": "2", "table.local-time-zone": "UTC",
    "execution.checkpointing.interval": "1 s", "execution.checkpointing.dir": f"file://{out}/checkpoints",
    # Rows wait so long for a full buffer between two operators; 100 ms unless told, which would be most of a row's way.
    **({"execution.buffer-timeout.interval": "1 ms"} if mode == "live" else {}),
}.items():
    flink.get_config().set(key, value)

flink.execute_sql(f"""
    CREATE TABLE readings (id STRING, ts TIMESTAMP_LTZ(3), `value` DOUBLE, status STRING, sent TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
        WATERMARK FOR ts AS ts - INTERVAL '10' SECOND)
    WITH ('connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{brokers}', 'properties.group.id' = 'flink',
        'scan.startup.mode' = 'earliest-offset', {"'scan.bounded.mode' = 'latest-offset'," if mode == "drain" else ""}
        'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601')""")
columns = "window_start TIMESTAMP(3), status STRING, readings BIGINT, mean DOUBLE, greatest DOUBLE"
if mode == "drain":
    # The way Flink is best at: a window's rows come when it is over.
    flink.execute_sql(f"CREATE TABLE per_minute ({columns}) WITH ('connector' = 'print')")
    job = flink.execute_sql("""
        INSERT INTO per_minute SELECT window_start, status, COUNT(*), AVG(`value`), MAX(`value`)
        FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, status""")
    job.wait()
    took = job.get_job_client().get_job_execution_result().result().get_net_runtime()
    (out / "report.json").write_text(json.dumps({"work_s": took / 1000}))
else:
    # Every row changes its window's result at once, as in a live view: with it the row's own message time, and the time now, right before the sink.
    flink.execute_sql(f"CREATE TABLE per_minute ({columns}, sent TIMESTAMP_LTZ(3), seen TIMESTAMP_LTZ(3)) WITH ('connector' = 'print')")
    job = flink.execute_sql("""
        INSERT INTO per_minute SELECT window_start, status, readings, mean, greatest, sent, CURRENT_ROW_TIMESTAMP()
        FROM (SELECT CAST(FLOOR(ts TO MINUTE) AS TIMESTAMP(3)) AS window_start, status, COUNT(*) AS readings, AVG(`value`) AS mean, MAX(`value`) AS greatest,
            LAST_VALUE(sent) AS sent FROM readings GROUP BY FLOOR(ts TO MINUTE), status)""")
    while not (out / "stop").exists():
        time.sleep(0.1)
    job.get_job_client().cancel().result()
