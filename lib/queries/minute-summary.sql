-- Count, extremes, mean and standard deviation of each stream and minute of one UTC day. Parameter: the day, as 'YYYY-MM-DD'.
-- Several parts may speak of one minute; they are merged as Chan, Golub and LeVeque (1979) do.
SELECT
  site,
  node,
  device,
  stream,
  minute,
  sum(part_count) AS records,
  min(part_min) AS minimum,
  max(part_max) AS maximum,
  max(mean_all) AS mean,
  sqrt(sum(part_m2 + part_count * (part_mean - mean_all) * (part_mean - mean_all)) / nullif(sum(part_count), 0)) AS deviation,
  sum(bad) AS bad
FROM (
  SELECT
    site, node, device, stream, minute, bad,
    "count" AS part_count,
    "min" AS part_min,
    "max" AS part_max,
    mean AS part_mean,
    m2 AS part_m2,
    sum("sum") OVER same_minute / nullif(sum("count") OVER same_minute, 0) AS mean_all
  FROM partials
  WHERE dt = ?
  WINDOW same_minute AS (PARTITION BY site, node, device, stream, minute)
)
GROUP BY site, node, device, stream, minute
ORDER BY site, node, device, stream, minute
