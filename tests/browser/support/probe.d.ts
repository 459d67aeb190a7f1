/** Global that `support/monitor.mjs` defines in each page, and its tests extend. */
declare var probe: {
  violations: string[];
  /** Durations of the tasks above 50 ms, in milliseconds. */
  longTasks: number[];
  /** Instances of the Terminal of xterm.js, in the order in which they were made. */
  terminals: any[];
  /** Returns the terminal that has the focus, or else the first that is visible. */
  current(): any;
  [more: string]: any;
};
