"""The other end of the network rows, on the host: takes and gives bytes over TCP, answers datagrams. See userland/bench/timed.c."""
import socket
import socketserver
import struct
import threading

CHUNK = 65536


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        head = self.rfile.read(9)
        if len(head) < 9:
            return
        left = struct.unpack(">Q", head[1:])[0] * 1024
        if head[:1] == b"S":
            got = 0
            while got < left:
                data = self.rfile.read1(min(CHUNK, left - got))
                if not data:
                    return
                got += len(data)
            self.wfile.write(struct.pack(">Q", got))
        else:
            while left > 0:
                self.wfile.write(bytes(min(CHUNK, left)))
                left -= min(CHUNK, left)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Peer:
    """Listens while it is entered; tcp and udp are the ports on the loopback."""

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), Stream)
        self.tcp = self.server.server_address[1]
        self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.datagrams.bind(("127.0.0.1", 0))
        self.udp = self.datagrams.getsockname()[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.echo, daemon=True).start()
        return self

    def echo(self):
        try:
            while True:
                data, address = self.datagrams.recvfrom(CHUNK)
                self.datagrams.sendto(data, address)
        except OSError:
            pass                # closed

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.datagrams.close()
