// The parts of a page that the README's examples use, for Node.
import headless from "@xterm/headless";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket;
globalThis.prompt = () => "wrong";
globalThis.confirm = () => true;
globalThis.document = Object.assign(new EventTarget(), { querySelector: () => null, baseURI: "http://127.0.0.1/", visibilityState: "visible" });

/** Terminal without a screen. */
export class Terminal extends headless.Terminal {
  open() {}
}
