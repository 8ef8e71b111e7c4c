-- The last value of each stream of each device in a range of UTC days. Parameters: first and last day, as 'YYYY-MM-DD'.
-- Last = greatest (ts, epoch, position): records of one millisecond have an order too.
SELECT site, node, device, stream, ts, value, text, quality
FROM (
  SELECT
    site, node, device, stream, ts, value, text, quality,
    row_number() OVER (
      PARTITION BY site, node, device, stream
      ORDER BY ts DESC, epoch DESC, position DESC
    ) AS age
  FROM landing
  WHERE dt BETWEEN ? AND ?
)
WHERE age = 1
ORDER BY site, node, device, stream
