/**
 * The least a proxy on this runtime can do: bytes from one socket to another and back, unread. What it
 * costs is the system's and the runtime's share of a proxied request; no gateway here can be faster.
 *
 * `copy_loop.ts LISTEN_PORT ORIGIN_PORT`
 *
 * @module
 */

/** A request or an answer of the measurement fits whole. */
const BUFFER_BYTES = 1024;

const [port, origin] = Deno.args.map(Number);
for await (const client of Deno.listen({ hostname: "127.0.0.1", port })) serve(client);

async function serve(client: Deno.TcpConn): Promise<void> {
  using _client = client;
  using upstream = await Deno.connect({ hostname: "127.0.0.1", port: origin });
  client.setNoDelay(true);
  upstream.setNoDelay(true);
  const buffer = new Uint8Array(BUFFER_BYTES);
  try {
    for (;;) {
      const asked = await client.read(buffer);
      if (asked === null) return;
      await upstream.write(buffer.subarray(0, asked));
      const answered = await upstream.read(buffer);
      if (answered === null) return;
      await client.write(buffer.subarray(0, answered));
    }
  } catch {
    // The client has gone: it is the end of its turn.
  }
}
