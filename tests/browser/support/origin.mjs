// A web server of another origin than the bridge's.
import { once } from "node:events";
import { createServer } from "node:http";
import { after } from "node:test";

/** Serves a page on a free port until the tests of the file have ended. @param {() => string} body made for each request */
export async function serveOrigin(body = () => "") {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><meta charset="utf-8"><title>Another site</title><link rel="icon" href="data:,">${body()}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => server.close());
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return `http://127.0.0.1:${port}`;
}
