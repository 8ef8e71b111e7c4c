-- Records of each node and lane in a range of UTC days; `twice` must be 0. Parameters: first and last day, as 'YYYY-MM-DD'.
SELECT
  node,
  producer,
  epoch,
  lane,
  count(*) AS records,
  count(*) - count(DISTINCT position) AS twice,
  min(position) AS first_position,
  max(position) AS last_position,
  max(stored_at) AS last_stored
FROM landing
WHERE dt BETWEEN ? AND ?
GROUP BY node, producer, epoch, lane
ORDER BY node, producer, epoch, lane
