// Numbers, sizes and times for people.

import { bytes } from "../../page/src/text.js";

const whole = new Intl.NumberFormat("en");

export function count(value: number): string {
  return whole.format(Math.round(value));
}

/** Formats a number of events per second. */
export function rate(perSecond: number): string {
  if (perSecond === 0) {
    return "0";
  }
  if (perSecond < 0.01) {
    return "< 0.01";
  }
  if (perSecond < 0.995) {
    return perSecond.toFixed(2);
  }
  return perSecond < 9.95 ? perSecond.toFixed(1) : count(perSecond);
}

export function byteRate(perSecond: number): string {
  return `${bytes(Math.round(perSecond))}/s`;
}

/** Formats a latency. */
export function latency(seconds: number): string {
  if (seconds < 0.001) {
    return `${(seconds * 1000).toFixed(1)} ms`;
  }
  if (seconds < 1) {
    return `${Math.round(seconds * 1000)} ms`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** Formats a bound of a histogram: `5 ms`, `1 s`. */
export function bound(seconds: number): string {
  return seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`;
}

/** Formats an age by its two largest units: `1d 2h`, `3m 4s`. */
export function age(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [Math.floor(s / 86_400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60];
  if (days > 0) {
    return `${days}d ${hours}h`;
  }
  if (hours > 0) {
    return `${hours}h ${minutes}m`;
  }
  return minutes > 0 ? `${minutes}m ${s % 60}s` : `${s}s`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const shortClock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function timeOfDay(at: number): string {
  return clock.format(at);
}

export function hourAndMinute(at: number): string {
  return shortClock.format(at);
}

export function dateAndTime(at: string): string {
  const time = Date.parse(at);
  return Number.isNaN(time) ? at : full.format(time);
}

/** Returns a code such as `login-failed` as text. */
export function withSpaces(code: string): string {
  return code.replaceAll("-", " ");
}
