// Shows /status, once a second. Text goes in as text only: names come from elsewhere and are not trusted.

const PERIOD_MS = 1_000;
const count = new Intl.NumberFormat();
const byId = (id) => document.getElementById(id);

function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = value < 1_000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  return `${power === 0 ? value : (value / 1_000 ** power).toFixed(1)} ${units[power]}`;
}

function ago(ms) {
  if (ms < 60_000) return `${Math.max(0, Math.round(ms / 1_000))} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

const total = (counts) => Object.values(counts).reduce((sum, value) => sum + value, 0);

const reasons = (counts) =>
  Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([reason, value]) => `${reason} ${count.format(value)}`)
    .join(', ') || 'none';

function facts(status) {
  const { store, queries } = status;
  return [
    ['MQTT', status.address.mqtt],
    ['Up for', ago(status.nowMs - status.startedAtMs)],
    ['Rows stored', count.format(store.rows)],
    ['… of these staged', count.format(store.staged)],
    ['Files', `${count.format(store.files)}, ${bytes(store.bytes)}`],
    ['Put aside', `${count.format(store.poison)}, ${count.format(store.poisonDropped)} dropped`],
    ['Connections refused', reasons(status.refusedConnections)],
    ['Queries', `${count.format(queries.answered)} answered, ${count.format(total(queries.refused))} refused`],
    ['Store id', status.farSide],
  ];
}

function nodeRow(node, nowMs) {
  const row = document.createElement('tr');
  const name = element('th', node.name);
  name.scope = 'row';
  const { critical, high, normal, low } = node.stored;
  row.append(
    name,
    element('td', node.connected ? 'connected' : 'away', node.connected ? 'good' : 'bad'),
    element('td', node.lastSeenMs === undefined ? 'never' : `${ago(nowMs - node.lastSeenMs)} ago`),
    ...[critical, high, normal, low, node.envelopes].map((value) => element('td', count.format(value), 'number')),
    element('td', bytes(node.bytesIn), 'number'),
    element('td', reasons(node.refused)),
  );
  return row;
}

function show(status) {
  byId('hub').textContent = status.hub;
  byId('facts').replaceChildren(
    ...facts(status).map(([name, value]) => {
      const pair = document.createElement('div');
      pair.append(element('dt', name), element('dd', value));
      return pair;
    }),
  );
  byId('nodes').replaceChildren(...status.nodes.map((node) => nodeRow(node, status.nowMs)));
}

/** Announced to screen readers, so it changes only when the state does, not each second. */
function say(text, bad) {
  const state = byId('state');
  if (state.textContent !== text) state.textContent = text;
  state.className = bad ? 'bad' : '';
}

async function refresh() {
  try {
    const response = await fetch('/status');
    if (!response.ok) throw new Error(`the hub answered ${response.status}`);
    const status = await response.json();
    show(status);
    const connected = status.nodes.filter((node) => node.connected).length;
    say(`${connected} of ${status.nodes.length} nodes connected`, false);
  } catch (error) {
    say(`No news from the hub: ${error.message}`, true);
  }
  setTimeout(refresh, PERIOD_MS);
}

refresh();
