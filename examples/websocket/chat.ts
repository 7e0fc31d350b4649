// A chat of one: everything that is said comes back in capitals.
Deno.serve({ hostname: "127.0.0.1", port: 3000 }, (request) => {
  if (request.headers.get("upgrade") !== "websocket") return new Response("not a WebSocket\n");
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => socket.send(String(data).toUpperCase());
  return response;
});
