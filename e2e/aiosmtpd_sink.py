"""A mail server for the tests: takes every mail and writes it to stdout as one JSON line before it answers 250. It refuses
the first recipient of each name that begins with refused-.

Usage: aiosmtpd_sink.py PORT. Ends when its standard input does, so it outlives no test.
"""

import json
import sys
from datetime import datetime, timezone

from aiosmtpd.controller import Controller


class Sink:
    def __init__(self):
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused-") and address not in self.refused:
            self.refused.add(address)
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = {
            "to": envelope.rcpt_tos,
            "raw": envelope.content.decode("utf-8", "replace"),
            "received_at": datetime.now(timezone.utc).isoformat(),
        }
        print(json.dumps(mail), flush=True)
        return "250 OK"


controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
sys.stdin.read()
controller.stop()
