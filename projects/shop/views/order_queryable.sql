--! description = "For each order's row: when its file was last written, when the row was taken in, and when it could be asked for."
--! tests = [
--!   { not_null = ["order_id", "file", "ingested_at"] },
--! ]
--! [columns]
--! order_id = "order; as it came, so that a row sent twice is there twice"
--! file = "file"
--! line = "line"
--! written_at = "when the file was last written"
--! ingested_at = "begin of the run that took the row in"
--! queryable_at = "end of that run; NULL while it goes on"
--! source_to_queryable = "seconds from the file to the answer"
--! ingest_to_queryable = "seconds of them that Tidemill needed"
SELECT
    r.order_id,
    r._file AS file,
    r._line AS line,
    f.modified_at AS written_at,
    r._ingested_at AS ingested_at,
    u.ended_at AS queryable_at,
    extract(epoch FROM (u.ended_at - f.modified_at)) AS source_to_queryable,
    extract(epoch FROM (u.ended_at - r._ingested_at)) AS ingest_to_queryable
FROM raw.orders r
LEFT JOIN system.runs u ON u.started_at = r._ingested_at AND u.status = 'succeeded'
LEFT JOIN (
    SELECT file, epoch, max(modified_at) AS modified_at FROM system.files WHERE "table" = 'orders' GROUP BY file, epoch
) f ON f.file = r._file AND f.epoch = u.epoch
