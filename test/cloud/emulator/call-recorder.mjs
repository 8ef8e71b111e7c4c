// Loaded into each Lambda worker before the function: writes down every call to AWS that the function makes, and does to
// a call what a test asked for (../helpers/faults.ts). The function's bundle itself stays as it was deployed.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from 'node:fs';
import http from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import readline from 'node:readline';
import { urlToHttpOptions } from 'node:url';

const { HEADWATER_CALLS: root, AWS_LAMBDA_FUNCTION_NAME: name } = process.env;
delete process.env.HEADWATER_CALLS; // functions see what AWS would give them
const directory = join(root, name ?? 'no-function');
const faults = join(directory, 'faults');
mkdirSync(faults, { recursive: true });

let invocation = '';
let event = '';
let calls = 0;

const write = (line) => appendFileSync(join(directory, 'calls.jsonl'), `${JSON.stringify({ invocation, ...line })}\n`);

// The worker reads one invocation a line; the first line names the function's code.
const createInterface = readline.createInterface;
readline.createInterface = (...args) => {
  const lines = createInterface(...args);
  let init = true;
  lines.on('line', (line) => {
    if (!init) {
      const message = JSON.parse(line);
      invocation = message.ctx.request_id;
      event = JSON.stringify(message.event);
      calls = 0;
      write({ type: 'invocation', event: message.event });
    }
    init = false;
  });
  return lines;
};

// … and answers each on a line of its own; whatever the function prints goes elsewhere.
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk, ...rest) => {
  const answered = /^\{"status":"(\w+)"/.exec(String(chunk))?.[1];
  if (invocation !== '' && answered !== undefined) write({ type: 'end', failed: answered !== 'ok' });
  return print(chunk, ...rest);
};

const request = http.request;
http.request = (input, ...rest) => {
  const given = typeof input === 'string' ? new URL(input) : input;
  const options = given instanceof URL ? urlToHttpOptions(given) : given;
  const call = nameCall(options);
  if (call === undefined) return request(options, ...rest);
  const at = calls++;
  const fault = takeFault({ ...call, at });
  write({ type: 'call', at, ...call, ...(fault && { fault: fault.type }) });
  if (fault?.type === 'exit' && fault.when === 'before') die();
  const sent = request(fault?.type === 'answer' || fault?.type === 'hold' ? detour(options, fault) : options, ...rest);
  // Before the SDK's own listener: on `exit after` the function never learns how the call went.
  sent.prependOnceListener('response', (response) => {
    if (fault?.type === 'exit') die();
    write({ type: 'answer', at, status: response.statusCode });
  });
  return sent;
};
syncBuiltinESMExports();

/** A process that is gone, not one that says goodbye: no handler, no finally. */
const die = () => process.kill(process.pid, 'SIGKILL');

/** Service and operation of a signed request; undefined for other requests. */
function nameCall({ method = 'GET', path = '/', headers = {} }) {
  const header = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key.toLowerCase(), String(value)]));
  const service = /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(header.authorization ?? '')?.[1];
  if (service === undefined) return undefined;
  const operation =
    header['x-amz-target']?.split('.').at(-1) ??
    /\/operation\/(\w+)$/.exec(path)?.[1] ??
    (service === 's3' ? nameS3(method, path, header) : REST[`${service} ${method}`]) ??
    `${method} ${path}`;
  return { service, operation, path };
}

const REST = { 'iotdata POST': 'Publish', 'sns POST': 'Publish' };

function nameS3(method, path, header) {
  if (method === 'PUT') return header['x-amz-copy-source'] === undefined ? 'PutObject' : 'CopyObject';
  if (method === 'POST') return path.includes('?delete') || path.includes('&delete') ? 'DeleteObjects' : undefined;
  if (method === 'GET') return path.includes('list-type=2') ? 'ListObjectsV2' : 'GetObject';
  return { HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method];
}

/** Each fault is a file per use; whoever removes the file has it, so that parallel workers share no use. */
function takeFault(call) {
  for (const file of readdirSync(faults).sort()) {
    const path = join(faults, file);
    try {
      const fault = JSON.parse(readFileSync(path, 'utf8'));
      const { at, service, operation, event: part } = fault.match;
      if ((at ?? call.at) !== call.at || (service ?? call.service) !== call.service) continue;
      if ((operation ?? call.operation) !== call.operation || (part !== undefined && !event.includes(part))) continue;
      unlinkSync(path);
      return fault;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error; // another worker took it
    }
  }
  return undefined;
}

// Where calls go that are answered here, or held back until the test lets them go.
const DETOUR = 'x-headwater-detour';
const detours = new Map();
const server = http.createServer((incoming, response) => {
  const { fault, options } = detours.get(incoming.headers[DETOUR]);
  const parts = [];
  incoming
    .on('data', (part) => parts.push(part))
    .on('end', () => {
      if (fault.type === 'answer') return void response.writeHead(fault.status, fault.headers).end(fault.body);
      const timer = setInterval(() => {
        if (existsSync(fault.until)) return;
        clearInterval(timer);
        const onward = request({ ...options, agent: undefined }, (answer) => {
          response.writeHead(answer.statusCode, answer.headers);
          answer.pipe(response);
        });
        onward.end(Buffer.concat(parts));
      }, 10);
    });
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
server.unref();

function detour(options, fault) {
  const id = String(detours.size);
  detours.set(id, { fault, options });
  const { host: _host, ...rest } = options;
  return { ...rest, hostname: '127.0.0.1', port: server.address().port, headers: { ...options.headers, [DETOUR]: id } };
}
