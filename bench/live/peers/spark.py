"""The windowed aggregation by Spark Structured Streaming: spark.py drain|live BROKERS TOPIC OUT JARS."""
import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession, functions as F

mode, brokers, topic, out, jars = sys.argv[1:]
out = Path(out)
spark = (SparkSession.builder.master("local[2]").config("spark.jars", jars).config("spark.driver.memory", "2g").config("spark.ui.enabled", False)
         .config("spark.ui.showConsoleProgress", False).config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", 2)
         .config("spark.sql.streaming.numRecentProgressUpdates", 100_000).getOrCreate())
spark.sparkContext.setLogLevel("ERROR")

messages = spark.readStream.format("kafka").option("kafka.bootstrap.servers", brokers).option("subscribe", topic).option("startingOffsets", "earliest").load()
readings = messages.select(F.from_json(F.col("value").cast("string"), "id STRING, ts TIMESTAMP, value DOUBLE, status STRING").alias("r")).select("r.*")
per_minute = (readings.withWatermark("ts", "10 seconds").groupBy(F.window("ts", "1 minute"), "status")
              .agg(F.count("*").alias("readings"), F.avg("value").alias("mean"), F.max("value").alias("greatest"))
              .select(F.unix_seconds("window.start"), "status", "readings", "mean", "greatest"))
result, visible = {}, {}


def keep(batch, number):
    """A batch's changed groups become part of the result, from which moment on they can be asked for."""
    result.update({tuple(row[:2]): list(row[2:]) for row in batch.collect()})
    visible[number] = time.time()
    if mode == "live":
        print("seen", sum(row[0] for row in result.values()), flush=True)


sink = per_minute.writeStream.outputMode("update").option("checkpointLocation", str(out / "checkpoint")).foreachBatch(keep)
if mode == "drain":
    query = sink.trigger(availableNow=True).start()
    query.awaitTermination()
else:
    query = sink.start()
    while not (out / "stop").exists():
        query.awaitTermination(0.1)
    query.processAllAvailable()
    query.stop()

batches = [p for p in query.recentProgress if p["batchId"] in visible]
with open(out / "result.csv", "w") as file:
    for key, values in result.items():
        print(*key, *values, sep=",", file=file)
(out / "report.json").write_text(json.dumps({
    "work_s": sum(p["durationMs"]["triggerExecution"] for p in batches) / 1000,
    "batches": [[visible[p["batchId"]], json.loads(p["sources"][0]["endOffset"])[topic]] for p in batches],
}))
spark.stop()
