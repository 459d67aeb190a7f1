// Terminal sessions through the bridge, for k6, which is to be installed separately. Written for k6 1.6 to 2.3; the
// tests run it under a stand-in for k6's modules.
//
//   SSHARD_URL=ws://127.0.0.1:8022/ws/127.0.0.1/PORT SCENARIO=typing VUS=4 SOCKETS=50 \
//       k6 run loadtest/k6/terminals.js
//
// Behind the bridge is `sshard-load sink`, or any SSH server with SSHARD_USER and SSHARD_PASSWORD.
// Settings, from the environment, with their defaults:
//
//   SCENARIO   typing, connect-storm, churn, idle-hold, resize, bulk-output, paste, slow-reader or
//              noisy-neighbour, as in `sshard-load --help`
//   DIALECT    v1 or compatible
//   VUS 1      SOCKETS 10 of each VU         DURATION 10 s     RATE 4 per second: connections of
//              all VUs (connect-storm, churn), or keys or pastes of each session
//   OPEN_RATE 200 sessions per second, of all VUs, in the other scenarios
//   HOLD 0 s (churn)   MIB 16 (bulk-output)   PASTE_BYTES 65536   FLOODERS 10 (noisy-neighbour)
//   BYTES_PER_SECOND 125000, WINDOW 65536 (slow-reader; 0 reads nothing)
//   COMMAND    for output from a real server (dialect v1): 'head -c 16777216 /dev/zero', or `yes`
//   READY_DEADLINE 30 s   thresholds of the p99, ms: READY_MS 2000, ECHO_MS 500
//   SUMMARY    file for the result as JSON
//
// Times are whole milliseconds (Date.now), and count from the intended time. k6 reads a socket
// as fast as it can: slow-reader withholds acknowledgements instead.
'use strict';

const { entries, options } = require('./scenarios.js');
const { handleSummary } = require('./summary.js');

exports.options = options();
exports.default = entries.default;
exports.quiet = entries.quiet;
exports.beside = entries.beside;
exports.flood = entries.flood;
exports.handleSummary = handleSummary;
