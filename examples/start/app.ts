/**
 * A small application to put behind the gateway: it shows the request as it arrives.
 *
 * Run with `deno run --allow-net=127.0.0.1:3000 examples/start/app.ts 3000`; without a port the system
 * picks one. The first line it prints is the port.
 *
 * @module
 */

const port = Number(Deno.args[0] ?? 0);

Deno.serve({
  hostname: "127.0.0.1",
  port,
  onListen: (address) => console.log(address.port),
}, (request) => {
  const { pathname, search } = new URL(request.url);
  const lines = [`${request.method} ${pathname}${search}`, ""];
  for (const [name, value] of request.headers) lines.push(`${name}: ${value}`);
  return new Response(lines.join("\n") + "\n", {
    headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
  });
});
