"""Mail servers for the sender's tests that answer as they are told.

Usage: aiosmtpd_relay.py CERTIFICATE KEY SERVERS. SERVERS is a JSON list with an object a server: "script" says for EHLO, AUTH,
MAIL, RCPT and DATA (the content) what the first ones that come are answered: a reply, "cut" or "hang"; "auth" is the one way
to log in, as user with pa55word. The first line on stdout is the list of their ports; then comes one for each content that
arrives, before it is answered. Ends when its standard input does, so it outlives no test.
"""

import asyncio
import email
import hmac
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, auth_mechanism


class Relay:
    def __init__(self, told):
        self.script = told["script"] or {}
        self.others = {"PLAIN", "LOGIN", "CRAM-MD5"} - {told["auth"]}
        self.port = 0

    def conversation(self, tls):
        return SMTP(
            self, hostname="relay.test", tls_context=tls, require_starttls=True, auth_required=True,
            authenticator=self.authenticate, auth_exclude_mechanism=self.others, loop=asyncio.get_running_loop(),
        )

    def authenticate(self, server, session, envelope, mechanism, data):
        return AuthResult(success=data.login == b"user" and data.password == b"pa55word", handled=False)

    @auth_mechanism("CRAM-MD5")
    async def auth_CRAM(self, server, args):
        challenge = b"<1896.697170952@relay.test>"
        user, _, digest = (await server.challenge_auth(challenge)).partition(b" ")
        right = hmac.new(b"pa55word", challenge, "md5").hexdigest().encode()
        return AuthResult(success=user == b"user" and hmac.compare_digest(digest, right), handled=False)

    async def told(self, verb, server, otherwise):
        replies = self.script.get(verb)
        if not replies:
            return otherwise
        reply = replies.pop(0)
        if reply == "cut":
            server.transport.abort()
        if reply in ("cut", "hang"):
            await asyncio.Future()
        return reply

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        reply = await self.told("EHLO", server, None)
        return [reply] if reply else responses

    async def handle_AUTH(self, server, session, envelope, args):
        return await self.told("AUTH", server, MISSING)

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await self.told("MAIL", server, "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return await self.told("RCPT", server, "250 OK")

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({"port": self.port, "id": email.message_from_bytes(envelope.content)["Message-ID"]}), flush=True)
        return await self.told("DATA", server, "250 OK")


async def main():
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(sys.argv[1], sys.argv[2])
    relays = [Relay(told) for told in json.loads(sys.argv[3])]
    for relay in relays:
        server = await loop.create_server(lambda relay=relay: relay.conversation(tls), "127.0.0.1", 0)
        relay.port = server.sockets[0].getsockname()[1]
    print(json.dumps([relay.port for relay in relays]), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


logging.disable(logging.WARNING)  # that handlers shall not use what none here uses
asyncio.run(main())
