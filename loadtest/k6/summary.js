// Result of a run: a table on standard output, and all metrics as JSON in the file SUMMARY.
'use strict';

const settings = require('./settings.js');

/** @type {[string, string][]} */
const TRENDS = [
  ['ready', 'session_ready'],
  ['echo', 'key_echo'],
  ['  quiet', 'key_echo{phase:quiet}'],
  ['  beside', 'key_echo{phase:beside}'],
  ['paste back', 'paste_back'],
  ['bulk done', 'bulk_done'],
  ['ctrl-c seen', 'ctrl_c_seen'],
  ['ctrl-c silence', 'ctrl_c_silence'],
];
const COLUMNS = ['count', 'med', 'p(95)', 'p(99)', 'max'];

/** @param {NonNullable<import('./types').Summary['metrics']>} metrics */
function table(metrics) {
  /** @type {(name: string, what: string) => number | null} */
  const value = (name, what) => {
    const found = metrics[name]?.values[what];
    return typeof found === 'number' ? found : null;
  };
  /** @type {string[]} */
  const lines = [];
  /** @type {(name: string, text: string) => void} */
  const line = (name, text) => lines.push(name.padEnd(16) + text);
  const vus = `${settings.vus} VUs of ${settings.sockets} sockets`;
  line('scenario', `${settings.scenario}, dialect ${settings.dialect}, ${vus}`);
  line('sessions', `${value('session_ends', 'count') || 0}`);
  const failed = value('session_failed', 'rate');
  line('failed', failed === null ? '-' : `${(failed * 100).toFixed(2)} %`);
  for (const name of ['keys', 'pastes']) {
    if (value(name, 'count')) {
      line(name, `${value(name, 'count')}`);
    }
  }
  const bytes = value('output_bytes', 'count') || 0;
  const perSecond = value('output_bytes', 'rate') || 0;
  const mib = (/** @type {number} */ count) => (count / 1048576).toFixed(1);
  line('output', `${mib(bytes)} MiB, ${mib(perSecond)} MiB/s over the whole run`);
  lines.push('', 'ms'.padEnd(16) + COLUMNS.map((name) => name.padStart(10)).join(''));
  for (const [name, metric] of TRENDS) {
    if (value(metric, 'count')) {
      const cells = COLUMNS.map((column) => value(metric, column));
      /** @type {(cell: number | null, at: number) => string} */
      const shown = (cell, at) => (cell === null ? '-' : cell.toFixed(at ? 1 : 0)).padStart(10);
      line(name, cells.map(shown).join(''));
    }
  }
  lines.push('');
  for (const [name, metric] of Object.entries(metrics)) {
    for (const [limit, threshold] of Object.entries(metric?.thresholds ?? {})) {
      line(threshold.ok ? 'passed' : 'FAILED', `${name} ${limit}`);
    }
  }
  return lines.join('\n') + '\n';
}

/** @param {import('./types').Summary} data */
function handleSummary(data) {
  // The format behind --new-machine-readable-summary has no `metrics`; it is written to SUMMARY unchanged.
  const text = data.metrics ? table(data.metrics) : 'the summary is of a format without a table\n';
  /** @type {Record<string, string>} */
  const files = { stdout: text };
  if (__ENV.SUMMARY) {
    const asked = Object.assign({}, settings, { password: undefined });
    files[__ENV.SUMMARY] = JSON.stringify({ asked: asked, summary: data }, null, 2);
  }
  return files;
}

module.exports = { handleSummary };
