"""Opens COUNT event streams and reads nothing of them for SECONDS: python3 stalled.py BASE TOKEN COUNT SECONDS"""

import socket
import sys
import time
from urllib.parse import urlsplit

base, token, count, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
at = urlsplit(base)
streams = []
for _ in range(count):
    stream = socket.socket()
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    stream.connect((at.hostname, at.port))
    stream.sendall(f"GET /api/events?dashboard=overview HTTP/1.1\r\nHost: {at.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    streams.append(stream)
time.sleep(seconds)
