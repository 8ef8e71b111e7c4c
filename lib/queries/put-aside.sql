-- What could not be taken, by client and reason, in a range of UTC days. Parameters: first and last day, as 'YYYY-MM-DD'.
SELECT
  dt,
  client,
  reason,
  count(*) AS messages,
  sum(bytes) AS bytes,
  min(detail) AS example
FROM aside
WHERE dt BETWEEN ? AND ?
GROUP BY dt, client, reason
ORDER BY dt, client, reason
