"""A client that is not ours: python3-h2 against a server of ours on 127.0.0.1.

Usage: h2_client_peer.py PORT SCENARIO. Prints one JSON object. See h2_peers_test.ts.
"""

import json
import socket
import sys

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config=config)
        self.h2.initiate_connection()
        self.answers = {}
        self.goaway = None
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def request(self, method, path, more=(), end_stream=True):
        stream = self.h2.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
        self.h2.send_headers(stream, fields + list(more), end_stream=end_stream)
        self.answers[stream] = {"heads": [], "body": 0, "trailers": None, "ended": False, "reset": None}
        return stream

    def step(self):
        """Takes what has come; false at the end of the stream."""
        data = self.socket.recv(65536)
        if not data:
            return False
        for event in self.h2.receive_data(data):
            answer = self.answers.get(getattr(event, "stream_id", None))
            if isinstance(event, (h2.events.ResponseReceived, h2.events.InformationalResponseReceived)):
                answer["heads"].append([list(pair) for pair in event.headers])
            elif isinstance(event, h2.events.DataReceived):
                answer["body"] += len(event.data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                answer["trailers"] = [list(pair) for pair in event.headers]
            elif isinstance(event, h2.events.StreamEnded):
                answer["ended"] = True
            elif isinstance(event, h2.events.StreamReset):
                answer["reset"] = int(event.error_code)
            elif isinstance(event, h2.events.ConnectionTerminated):
                self.goaway = int(event.error_code)
        self.flush()
        return True

    def until(self, done):
        while not done():
            if not self.step():
                return

    def finished(self, *streams):
        return all(self.answers[s]["ended"] or self.answers[s]["reset"] is not None for s in streams)


def get(client):
    stream = client.request("GET", "/10240")
    client.flush()
    client.until(lambda: client.finished(stream))
    return client.answers[stream]


def many(client):
    streams = [client.request("GET", f"/{1000 * i}") for i in range(32)]
    client.flush()
    client.until(lambda: client.finished(*streams))
    return [client.answers[s]["body"] for s in streams]


def upload(client):
    """More than every window, so that the server's credit decides the pace; trailers at the end."""
    stream = client.request("POST", "/echo", end_stream=False)
    left = 300_000
    while left > 0:
        room = min(left, client.h2.local_flow_control_window(stream), client.h2.max_outbound_frame_size)
        if room == 0:
            client.flush()
            client.step()
            continue
        client.h2.send_data(stream, b"x" * room)
        left -= room
    client.h2.send_headers(stream, [("x-sum", "1")], end_stream=True)
    client.flush()
    client.until(lambda: client.finished(stream))
    return client.answers[stream]


def settings(client):
    """The server's settings, and a table of ours that shrinks and grows between two answers."""
    client.until(lambda: client.h2.remote_settings.max_concurrent_streams == 32)
    bodies = []
    for size in (0, 4096, 128):
        client.h2.update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: size})
        client.flush()
        for _ in range(3):
            stream = client.request("GET", "/100")
            client.flush()
            client.until(lambda: client.finished(stream))
            bodies.append(client.answers[stream]["body"])
    remote = client.h2.remote_settings
    return {
        "bodies": bodies,
        "streams": remote.max_concurrent_streams,
        "window": remote.initial_window_size,
        "frame": remote.max_frame_size,
        "list": remote.max_header_list_size,
    }


def raw(client, frames):
    """Sends frames past the library's own checks; tells how the server ended the connection."""
    client.until(lambda: client.h2.remote_settings.max_concurrent_streams == 32)
    try:
        client.socket.sendall(b"".join(frame.serialize() for frame in frames))
        while client.step():
            pass
    except (OSError, h2.exceptions.ProtocolError):
        pass
    return {"goaway": client.goaway}


def block(client, path="/0"):
    fields = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "test")]
    return client.h2.encoder.encode(fields)


def rapid_reset(client):
    frames = []
    for stream in range(1, 201, 2):
        frames.append(HeadersFrame(stream, block(client), flags=["END_HEADERS", "END_STREAM"]))
        frames.append(RstStreamFrame(stream, 8))
    return raw(client, frames)


def continuation_flood(client):
    frames = [HeadersFrame(1, block(client), flags=["END_STREAM"])]
    frames += [ContinuationFrame(1, b"") for _ in range(1000)]
    return raw(client, frames)


def ping_flood(client):
    return raw(client, [PingFrame(0, b"12345678") for _ in range(5000)])


def settings_flood(client):
    return raw(client, [SettingsFrame(0) for _ in range(5000)])


def late_data(client):
    stream = client.request("GET", "/0")
    client.flush()
    client.until(lambda: client.finished(stream))
    return raw(client, [DataFrame(stream, b"late")])


name = sys.argv[2]
print(json.dumps(globals()[name](Client(int(sys.argv[1])))))
