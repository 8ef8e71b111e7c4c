-- Rows, first and last time of each stream on one UTC day. Parameter: the day, as 'YYYY-MM-DD'.
SELECT
  site,
  node,
  stream,
  count(*) AS records,
  count(DISTINCT device) AS devices,
  min(ts) AS first_ts,
  max(ts) AS last_ts
FROM landing
WHERE dt = ?
GROUP BY site, node, stream
ORDER BY site, node, stream
