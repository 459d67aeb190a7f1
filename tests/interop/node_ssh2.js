// An SSH server of ssh2 (Node): user "interop", a password. Prints its port.
//
// node_ssh2.js PASSWORD TERMINAL [rekey]: TERMINAL is the path of terminal.py, `rekey` asks for new
// keys every MiB. The command "output N" is N bytes from the library itself.
'use strict';

const { spawn, spawnSync } = require('child_process');
const { generateKeyPairSync } = require('crypto');
const { Server } = require('ssh2');

const [password, terminal] = process.argv.slice(2);
const REKEY = process.argv.includes('rekey');
const MIB = 1024 * 1024;

function runInTerminal(stream, pty, command) {
  const size = [pty.cols, pty.rows].map(String);
  const child = spawn('python3', [terminal, pty.term, ...size, command], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.on('error', () => {});
  // The first line is the terminal's name.
  let head = Buffer.alloc(0);
  const onHead = (data) => {
    head = Buffer.concat([head, data]);
    const end = head.indexOf('\n');
    if (end < 0) return;
    child.stdout.off('data', onHead);
    pty.tty = head.toString('latin1', 0, end);
    if (head.length > end + 1) stream.write(head.subarray(end + 1));
    child.stdout.pipe(stream, { end: false });
  };
  child.stdout.on('data', onHead);
  stream.pipe(child.stdin);
  stream.on('close', () => {
    child.stdin.destroy();
    child.stdout.destroy();
  });
  child.on('close', (status) => {
    stream.exit(status);
    stream.end();
  });
}

function run(stream, pty, command) {
  const [word, count] = command.split(' ');
  if (word !== 'output') return runInTerminal(stream, pty, command);
  stream.resume();
  stream.write(Buffer.alloc(Number(count), 'x'), () => {
    stream.exit(0);
    stream.end();
  });
}

function rekeyEachMib(client, stream) {
  let bytes = 0;
  const write = stream.write;
  stream.write = (data, ...rest) => {
    bytes += data.length;
    if (bytes > MIB) {
      bytes = 0;
      client.rekey();
    }
    return write.call(stream, data, ...rest);
  };
}

// Not by ssh2's own generator: one of 240 of its Ed25519 keys is malformed (1.17, where a random number
// begins with a zero byte).
const { privateKey: hostKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'sec1', format: 'pem' },
});
const server = new Server({ hostKeys: [hostKey] }, (client) => {
  client.on('error', () => {});
  client.on('authentication', (ctx) => {
    const good = ctx.method === 'password' && ctx.username === 'interop' && ctx.password === password;
    if (good) ctx.accept();
    else ctx.reject(['password']);
  });
  client.on('session', (accept) => {
    const session = accept();
    const pty = { term: 'dumb', cols: 80, rows: 24 };
    session.on('pty', (accept, reject, info) => {
      Object.assign(pty, info);
      accept();
    });
    session.on('window-change', (accept, reject, { cols, rows }) => {
      Object.assign(pty, { cols, rows });
      if (pty.tty) spawnSync('stty', ['-F', pty.tty, 'cols', `${cols}`, 'rows', `${rows}`]);
      if (accept) accept();
    });
    const start = (accept, command) => {
      const stream = accept();
      if (REKEY) rekeyEachMib(client, stream);
      run(stream, pty, command);
    };
    session.on('exec', (accept, reject, { command }) => start(accept, command));
    session.on('shell', (accept) => start(accept, 'sh'));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
