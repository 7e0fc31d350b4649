"""A server that is not ours: python3-h2, for a client of ours. Prints its port, serves one connection.

Paths: /N answers with N octets; /echo gives the body back with a trailer; /refuse resets as refused;
/goaway says GOAWAY for this and all later streams; /cut closes the connection within the body;
/early answers in front of the request's end.
"""

import socket

import h2.config
import h2.connection
import h2.errors
import h2.events

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
h2c = h2.connection.H2Connection(config=config)
h2c.initiate_connection()
connection.sendall(h2c.data_to_send())

paths = {}
bodies = {}
pending = {}


def answer(stream, body, trailers=None):
    h2c.send_headers(stream, [(":status", "200"), ("content-type", "text/plain")])
    pending[stream] = (body, trailers)


def pump():
    for stream, (body, trailers) in list(pending.items()):
        while body:
            room = min(len(body), h2c.local_flow_control_window(stream), h2c.max_outbound_frame_size)
            if room == 0:
                break
            h2c.send_data(stream, body[:room])
            body = body[room:]
        if body:
            pending[stream] = (body, trailers)
            continue
        del pending[stream]
        if trailers:
            h2c.send_headers(stream, trailers, end_stream=True)
        else:
            h2c.end_stream(stream)


def on_end(stream):
    path = paths[stream]
    if path == "/echo":
        answer(stream, bytes(bodies[stream]), [("x-octets", str(len(bodies[stream])))])
    elif path == "/refuse":
        h2c.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
    elif path == "/cut":
        h2c.send_headers(stream, [(":status", "200")])
        h2c.send_data(stream, b"half")
        connection.sendall(h2c.data_to_send())
        connection.close()
        raise SystemExit
    elif path == "/goaway":
        h2c.close_connection(last_stream_id=stream - 2)
    elif path != "/early":
        answer(stream, b"x" * int(path[1:]))


while True:
    try:
        data = connection.recv(65536)
    except OSError:
        break
    if not data:
        break
    for event in h2c.receive_data(data):
        if isinstance(event, h2.events.RequestReceived):
            paths[event.stream_id] = dict(event.headers)[":path"]
            bodies[event.stream_id] = bytearray()
            if paths[event.stream_id] == "/early":
                answer(event.stream_id, b"no thanks")
        elif isinstance(event, h2.events.DataReceived):
            bodies[event.stream_id] += event.data
            h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            on_end(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            pending.pop(event.stream_id, None)
    pump()
    connection.sendall(h2c.data_to_send())
