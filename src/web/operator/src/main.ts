// The operator's page. Data flows one way: from an answer of the bridge to the state, from there to the elements.

import { onSystemChange, resolved } from "../../page/src/themes.js";
import { el, setText } from "../../page/src/dom.js";
import { Actions, Messages } from "./actions.js";
import { Api, NoAnswer, Refused, Unauthorized } from "./api.js";
import { Dashboard } from "./dashboard.js";
import { Header, type Outage } from "./header.js";
import { History } from "./history.js";
import { Poller } from "./poll.js";
import { Sessions } from "./sessions.js";
import { TokenForm } from "./token.js";
import type { SessionList, Stats } from "./types.js";

const api = new Api();
const history = new History();
const messages = new Messages();
const poller = new Poller(poll);
const actions = new Actions(api, messages, failed);
const tokenForm = new TokenForm((token) => {
  api.token = token;
  poller.start();
});
const header = new Header({
  drain: () => void perform(async () => { await (stats && actions.drain(stats)); }),
  reload: () => void perform(() => actions.reload()),
  // It also removes what was shown with the token.
  forget: () => location.reload(),
});
const sessions = new Sessions(() => poller.now(), {
  show: (session) => void perform(async () => markEnding(session.id, await actions.show(session))),
  end: (session) => void perform(async () => markEnding(session.id, await actions.end(session))),
});
const waiting = el("p", { role: "status" }, "Waiting for the bridge…");
const loading = el("main", { class: "centered" }, el("h1", {}, "sshard operator"), waiting);

let stats: Stats | undefined;
let dashboard: Dashboard | undefined;
let outage: Outage | undefined;
let answeredAt = Date.now();
let drainEnds: number | undefined;
let restartedAt: number | undefined;

async function poll(): Promise<void> {
  const query = sessions.query;
  try {
    const [numbers, list] = await Promise.all([api.stats(), api.sessions(query).catch(ofTheList)]);
    apply(numbers, query === sessions.query ? list : undefined);
  } catch (error) {
    failed(error);
  }
}

/** A refused query concerns the list alone: the bridge answers. */
function ofTheList(error: unknown): Refused {
  if (error instanceof Refused) {
    return error;
  }
  throw error;
}

function apply(numbers: Stats, list: SessionList | Refused | undefined): void {
  const at = Date.now();
  const isSame = dashboard !== undefined
    && stats?.latencies.bounds_seconds.length === numbers.latencies.bounds_seconds.length;
  stats = numbers;
  outage = undefined;
  answeredAt = at;
  const left = numbers.drain_ends_in_seconds;
  drainEnds = left === null ? undefined : at + left * 1000;
  if (history.add(at, numbers)) {
    restartedAt = at;
  }
  if (!isSame) {
    dashboard = new Dashboard(numbers, header.notices, sessions.element, (shard) => sessions.showShard(shard));
  }
  sessions.setShards(numbers.shards.length);
  if (list instanceof Refused) {
    sessions.refuse(list.message);
  } else if (list !== undefined) {
    sessions.update(list, numbers.show_users);
  }
  dashboard?.update(numbers, history);
  show();
}

/** Handles an error that concerns the whole page. */
function failed(error: unknown): void {
  if (error instanceof Unauthorized) {
    poller.stop();
    api.token = undefined;
    showTokenForm(error);
    return;
  }
  const reason = error instanceof Error ? error.message : String(error);
  const text = error instanceof NoAnswer ? `The bridge does not answer: ${reason} The page retries every 2 s.` : reason;
  if (tokenForm.element.isConnected) {
    tokenForm.show(text, true);
    return;
  }
  if (stats === undefined) {
    setText(waiting, text);
    return;
  }
  outage ??= { since: answeredAt, reason, wasDraining: drainEnds !== undefined };
  show();
}

function show(): void {
  if (stats === undefined || dashboard === undefined) {
    return;
  }
  header.update({ stats, outage, drainEnds, restartedAt }, api.token !== undefined);
  dashboard.element.classList.toggle("stale", outage !== undefined);
  if (!dashboard.element.isConnected) {
    document.body.replaceChildren(header.element, dashboard.element, messages.element);
  }
}

function showTokenForm({ message, refused }: Unauthorized): void {
  if (!tokenForm.element.isConnected) {
    document.body.replaceChildren(tokenForm.element, messages.element);
  }
  tokenForm.show(message, refused);
}

/** Runs an action, then asks the bridge at once for the result. */
async function perform(action: () => Promise<void>): Promise<void> {
  await action();
  poller.now();
}

function markEnding(id: string, isEnding: boolean): void {
  if (isEnding) {
    sessions.markEnding(id);
  }
}

function applyTheme(): void {
  document.documentElement.dataset["theme"] = resolved("system");
}

applyTheme();
onSystemChange(applyTheme);
document.body.append(loading, messages.element);
poller.start();
