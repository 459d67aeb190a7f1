// The log-in form. It keeps server and user; secrets are cleared as soon as they are handed over.

import { el, newId } from "./dom.js";
import { bytes } from "./text.js";

/** Target of a log-in: a name of the bridge's configuration, or a host with a port. */
export interface Target {
  readonly name?: string;
  readonly host: string;
  readonly port: number;
}

export interface LoginRequest {
  readonly target: Target;
  readonly username: string;
  readonly password: string;
  readonly privateKey: string;
  readonly passphrase: string;
  readonly certificate: string;
  /** Admission ticket, from the page that holds this one in a frame. */
  readonly ticket?: string;
  /** True for the password of a link, which is valid once. */
  readonly fromLink?: boolean;
}

/** Largest key or certificate file, in bytes: the protocol's own bound. */
const KEY_FILE_MAX = 16 * 1024;

interface Field {
  readonly row: HTMLElement;
  readonly input: HTMLInputElement;
}

function field(label: string, attributes: Record<string, string | number | boolean>, hint?: string): Field {
  const id = newId("field");
  const hintId = newId("hint");
  const input = el("input", {
    id, autocapitalize: "off", autocorrect: "off", spellcheck: "false",
    ...(hint === undefined ? {} : { "aria-describedby": hintId }), ...attributes,
  });
  const row = el("div", { class: "field" }, el("label", { for: id }, label), input,
    hint !== undefined && el("p", { class: "hint", id: hintId }, hint));
  return { row, input };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Text of a target in titles and tabs. */
export function targetText({ name, host, port }: Target): string {
  return name ?? (port === 22 ? bracketed(host) : `${bracketed(host)}:${port}`);
}

/** Path of a target below `ws/`. */
export function targetPath({ name, host, port }: Target): string {
  return name ?? `${bracketed(host)}/${port}`;
}

/** Parses `host`, `host:port`, `v6` with its two colons or more, `[v6]:port` or a named target; else `undefined`. */
export function parseTarget(text: string, port: number, names: readonly string[]): Target | undefined {
  const server = text.trim();
  if (names.includes(server)) {
    return { name: server, host: server, port: 0 };
  }
  const match = /^\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?$/.exec(server)
    ?? /^((?:[0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*)$/.exec(server)
    ?? /^([^\s:/?#[\]@]+)(?::(\d{1,5}))?$/.exec(server);
  const host = match?.[1];
  const number = match?.[2] === undefined ? port : Number(match[2]);
  if (host === undefined || host.length > 255 || !Number.isInteger(number) || number < 1 || number > 65_535) {
    return undefined;
  }
  return { host, port: number };
}

export class LoginForm {
  readonly element: HTMLFormElement;
  readonly #server: Field;
  readonly #port: Field;
  readonly #user: Field;
  readonly #password: Field;
  readonly #key: Field;
  readonly #passphrase: Field;
  readonly #certificate: Field;
  readonly #problem = el("p", { role: "alert", class: "problem" });
  /** Disabled while a log-in is read: then Enter submits nothing either. */
  readonly #connect = el("button", { type: "submit", class: "primary" }, "Connect");
  /** Texts that are a named target. */
  readonly #names: string[];

  /** `names`: the targets that the operator shows. `onSubmit` gets a log-in whose fields are complete. */
  constructor(names: readonly string[], onSubmit: (request: LoginRequest) => void) {
    this.#names = [...names];
    const list = el("datalist", { id: newId("targets") }, ...names.map((name) => el("option", { value: name })));
    this.#server = field("Server", {
      name: "server", required: true, autocomplete: "off", placeholder: names[0] ?? "host.example.org",
      ...(names.length > 0 ? { list: list.id } : {}), maxlength: 300,
    });
    this.#port = field("Port", { name: "port", inputmode: "numeric", autocomplete: "off", value: "22", maxlength: 5 });
    this.#user = field("User", { name: "username", required: true, autocomplete: "username", maxlength: 256 });
    this.#password = field("Password", { name: "password", type: "password", autocomplete: "current-password", maxlength: 1024 });
    this.#key = field("Private key file", { type: "file" },
      "At most 16 KiB. The key is sent to this bridge for the log-in, and is not stored.");
    this.#passphrase = field("Passphrase of the key", { type: "password", autocomplete: "off", maxlength: 1024 });
    this.#certificate = field("Certificate file (optional)", { type: "file" });
    const capsLock = el("p", { class: "hint caps", role: "status" });
    this.#password.row.append(capsLock);
    this.#password.input.addEventListener("keyup", (event) => {
      capsLock.textContent = event.getModifierState("CapsLock") ? "Caps Lock is on." : "";
    });
    this.element = el("form", { class: "login", autocomplete: "on" },
      el("h1", {}, "Connect to a server"),
      el("p", { class: "lead" }, "By SSH, through the bridge at ", el("strong", {}, location.host), "."),
      !isSecureContext && el("p", { class: "bar-note warning" },
        "This page was loaded over plain http: others on the network can read what you type, passwords too. Ask for its https address."),
      el("div", { class: "pair" }, this.#server.row, this.#port.row), list,
      this.#user.row, this.#password.row,
      el("details", {}, el("summary", {}, "Log in with a private key"),
        el("div", { class: "inset" }, this.#key.row, this.#passphrase.row, this.#certificate.row)),
      this.#problem,
      el("div", { class: "actions" }, this.#connect));
    this.#server.input.addEventListener("input", () => this.#updatePort());
    this.#server.input.addEventListener("change", () => this.#splitPort());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(onSubmit);
    });
  }

  focus(): void {
    const first = [this.#server, this.#user, this.#password].find((one) => one.input.value === "");
    (first ?? this.#password).input.focus();
  }

  /** Fills in server and user. A name stands for a named target from now on, though the operator does not show it. */
  fill({ name, host, port }: Target, username: string): void {
    if (name !== undefined && !this.#names.includes(name)) {
      this.#names.push(name);
    }
    this.#server.input.value = name ?? host;
    this.#port.input.value = String(port);
    this.#user.input.value = username;
    this.#updatePort();
  }

  /** Clears every secret. */
  #clearSecrets(): void {
    for (const { input } of [this.#password, this.#key, this.#passphrase, this.#certificate]) {
      input.value = "";
    }
  }

  /** Disables the port of a named target, which has its own. */
  #updatePort(): void {
    const named = this.#names.includes(this.#server.input.value.trim());
    this.#port.input.disabled = named;
    this.#port.input.placeholder = named ? "its own" : "22";
    this.#port.input.value = named ? "" : this.#port.input.value === "" ? "22" : this.#port.input.value;
  }

  /** Splits `host:2222`, typed or pasted, into both fields. */
  #splitPort(): void {
    const text = this.#server.input.value.trim();
    const target = parseTarget(text, 0, this.#names);
    if (target !== undefined && target.name === undefined) {
      this.#server.input.value = target.host;
      this.#port.input.value = String(target.port);
    }
  }

  async #submit(onSubmit: (request: LoginRequest) => void): Promise<void> {
    this.#problem.textContent = "";
    for (const { input } of [this.#server, this.#port, this.#key]) {
      input.removeAttribute("aria-invalid");
    }
    this.#splitPort();
    const target = parseTarget(this.#server.input.value, Number(this.#port.input.value), this.#names);
    if (target === undefined) {
      if (parseTarget(this.#server.input.value, 22, this.#names) === undefined) {
        this.#reject("The server must be a host name, an address, or a name from the list.", this.#server);
      } else {
        this.#reject("The port must be a number from 1 to 65535.", this.#port);
      }
      return;
    }
    this.#connect.disabled = true;
    try {
      const request: LoginRequest = {
        target,
        username: this.#user.input.value,
        password: this.#password.input.value,
        privateKey: await readFile(this.#key.input),
        passphrase: this.#passphrase.input.value,
        certificate: await readFile(this.#certificate.input),
      };
      this.#clearSecrets();
      onSubmit(request);
    } catch (error) {
      this.#reject(error instanceof Error ? error.message : "The file cannot be read.", this.#key);
    } finally {
      this.#connect.disabled = false;
    }
  }

  #reject(reason: string, { input }: Field): void {
    this.#problem.textContent = reason;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
}

async function readFile(input: HTMLInputElement): Promise<string> {
  const file = input.files?.[0];
  if (file === undefined) {
    return "";
  }
  if (file.size > KEY_FILE_MAX) {
    throw new Error(`${file.name} has ${bytes(file.size)}; a key or certificate has at most 16 KiB.`);
  }
  return file.text();
}
