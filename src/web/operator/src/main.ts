// The operator's page. Data flows one way: an answer of the bridge becomes the state, the state is shown.

import { onSystemChange, resolved } from "../../page/src/themes.js";
import { el } from "../../page/src/dom.js";
import { Actions, Messages } from "./actions.js";
import { Api, NoAnswer, Unauthorized } from "./api.js";
import { Dashboard } from "./dashboard.js";
import { Header, type Silence } from "./header.js";
import { History } from "./history.js";
import { Poller } from "./poll.js";
import { Sessions } from "./sessions.js";
import { setText } from "./svg.js";
import { TokenForm } from "./token.js";
import type { SessionList, Stats } from "./types.js";

const api = new Api();
const history = new History();
const messages = new Messages();
const poller = new Poller(ask);
const actions = new Actions(api, messages, failed);
const tokenForm = new TokenForm((token) => {
  api.setToken(token);
  poller.start();
});
const header = new Header({
  drain: () => void act(async () => { await (stats && actions.drain(stats)); }),
  reload: () => void act(() => actions.reload()),
  // What was shown with it goes, too.
  forget: () => location.reload(),
});
const sessions = new Sessions(() => poller.now(), {
  show: (session) => void act(async () => mark(session.id, await actions.show(session))),
  end: (session) => void act(async () => mark(session.id, await actions.end(session))),
});
const waiting = el("p", { role: "status" }, "Asking the bridge…");
const loading = el("main", { class: "gate" }, el("h1", {}, "sshard operator"), waiting);

let stats: Stats | undefined;
let dashboard: Dashboard | undefined;
let silence: Silence | undefined;
let heardAt = Date.now();
let drainEnds: number | undefined;
let restartedAt: number | undefined;

async function ask(): Promise<void> {
  const query = sessions.query;
  try {
    const [numbers, list] = await Promise.all([api.stats(), api.sessions(query)]);
    heard(numbers, query === sessions.query ? list : undefined);
  } catch (error) {
    failed(error);
  }
}

function heard(numbers: Stats, list: SessionList | undefined): void {
  const at = Date.now();
  const isSame = dashboard !== undefined
    && stats?.latencies.bounds_seconds.length === numbers.latencies.bounds_seconds.length;
  stats = numbers;
  silence = undefined;
  heardAt = at;
  const left = numbers.drain_ends_in_seconds;
  drainEnds = left === null ? undefined : at + left * 1000;
  if (history.add(at, numbers)) {
    restartedAt = at;
  }
  if (!isSame) {
    dashboard = new Dashboard(numbers, header.notices, sessions.element, (shard) => sessions.showShard(shard));
  }
  sessions.setShards(numbers.shards.length);
  if (list !== undefined) {
    sessions.update(list, numbers.show_users);
  }
  dashboard?.update(numbers, history);
  show();
}

/** Handles what keeps the whole page from its answers. */
function failed(error: unknown): void {
  if (error instanceof Unauthorized) {
    poller.stop();
    api.setToken(undefined);
    showTokenForm(error);
    return;
  }
  const reason = error instanceof Error ? error.message : String(error);
  const text = error instanceof NoAnswer ? `The bridge does not answer: ${reason} It is asked again every 2 s.` : reason;
  if (tokenForm.element.isConnected) {
    tokenForm.show(text, true);
    return;
  }
  if (stats === undefined) {
    setText(waiting, text);
    return;
  }
  silence ??= { since: heardAt, reason, wasDraining: drainEnds !== undefined };
  show();
}

function show(): void {
  if (stats === undefined || dashboard === undefined) {
    return;
  }
  header.update({ stats, silence, drainEnds, restartedAt }, api.hasToken);
  dashboard.element.classList.toggle("stale", silence !== undefined);
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

/** Runs an action, then looks at once what came of it. */
async function act(action: () => Promise<void>): Promise<void> {
  await action();
  poller.now();
}

function mark(id: string, isEnding: boolean): void {
  if (isEnding) {
    sessions.markEnding(id);
  }
}

function paint(): void {
  document.documentElement.dataset["theme"] = resolved("system");
}

paint();
onSystemChange(paint);
document.body.append(loading, messages.element);
poller.start();
